/*
 * Preloaded into a process of the tests: notes, in order, everything that changes files below a folder, so that what a
 * power loss could have left at any moment can be made afterwards (crash-states.ts).
 *
 * HOLDFAST_IO_ROOT: the folder. HOLDFAST_IO_LOG: the file of notes, one after the other:
 *   a line of fields that tabs part, the last of them the number of bytes that follow the line.
 *   create PATH INODE 0 | mkdir PATH 0 | rmdir PATH 0 | unlink PATH 0 | link FROM TO 0 | rename FROM TO 0
 *   symlink PATH TARGET 0 | write INODE AT N | truncate INODE SIZE 0 | sync INODE N | sync-folder PATH 0
 * Paths are relative to the folder. A sync of a file that is no database has all of its content: it may have been
 * copied or mapped, which is not noted otherwise.
 */
#include "preloaded.h"

#define SIZE 4096

/* What lies below the root, relative to it; NULL: elsewhere. */
static const char *below(const char *path) {
  const char *root = getenv("HOLDFAST_IO_ROOT");
  size_t length = root == NULL ? 0 : strlen(root);
  if (length == 0 || strncmp(path, root, length) != 0) return NULL;
  return path[length] == '/' ? path + length + 1 : path[length] == 0 ? path + length : NULL;
}

static int path_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, SIZE - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return path[0] == '/';
}

/* Paths come relative to a folder's descriptor, by /proc/self/fd, or absolute. */
static const char *place(int folder, const char *path, char *whole) {
  int fd, length = 0;
  char of_folder[SIZE];
  if (sscanf(path, "/proc/self/fd/%d%n", &fd, &length) == 1) {
    if (!path_of(fd, of_folder)) return NULL;
    snprintf(whole, 2 * SIZE, "%s%s", of_folder, path + length);
  } else if (path[0] == '/' || folder == AT_FDCWD) {
    snprintf(whole, 2 * SIZE, "%s", path);
  } else {
    if (!path_of(folder, of_folder)) return NULL;
    snprintf(whole, 2 * SIZE, "%s/%s", of_folder, path);
  }
  size_t end = strlen(whole);
  while (end > 1 && whole[end - 1] == '/') whole[--end] = 0;
  return below(whole);
}

/* Call it with the lock. */
static void note(const void *bytes, size_t size, const char *format, ...) {
  static int log = -1;
  int before = errno;
  char line[4 * SIZE];
  va_list fields;
  va_start(fields, format);
  int length = vsnprintf(line, sizeof line - 32, format, fields);
  va_end(fields);
  length += snprintf(line + length, 32, "\t%zu\n", size);
  if (log < 0) log = REAL(int, "open64", const char *, int, ...)(getenv("HOLDFAST_IO_LOG"), O_WRONLY | O_APPEND);
  struct iovec parts[2] = {{line, length}, {(void *)bytes, size}};
  if (REAL(ssize_t, "writev", int, const struct iovec *, int)(log, parts, 2) != length + (ssize_t)size) abort();
  errno = before;
}

static int inode_below(int fd, unsigned long long *inode, char *path) {
  struct stat64 found;
  if (!path_of(fd, path) || below(path) == NULL || fstat64(fd, &found) != 0 || !S_ISREG(found.st_mode)) return 0;
  *inode = found.st_ino;
  return 1;
}

static int sync_by(const char *name, int fd) {
  char path[SIZE], own[64];
  struct stat64 found;
  hold();
  int result = REAL(int, name, int)(fd);
  if (result == 0 && path_of(fd, path) && below(path) != NULL && fstat64(fd, &found) == 0) {
    if (S_ISDIR(found.st_mode)) {
      note("", 0, "sync-folder\t%s", below(path));
    } else if (strstr(path, ".sqlite") != NULL || strstr(path, ".db") != NULL) {
      note("", 0, "sync\t%llu\tas noted", (unsigned long long)found.st_ino);
    } else {
      char *content = malloc(found.st_size + 1);
      snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
      int from = REAL(int, "open64", const char *, int, ...)(own, O_RDONLY);
      ssize_t length = REAL(ssize_t, "pread64", int, void *, size_t, off64_t)(from, content, found.st_size, 0);
      if (length != found.st_size) abort();
      close(from);
      note(content, length, "sync\t%llu\twhole", (unsigned long long)found.st_ino);
      free(content);
    }
  }
  release();
  return result;
}

int fsync(int fd) { return sync_by("fsync", fd); }
int fdatasync(int fd) { return sync_by("fdatasync", fd); }

/* `at` < 0: where the descriptor stands, or the end. */
static void note_write(int fd, const void *bytes, ssize_t size, off64_t at) {
  unsigned long long inode;
  char path[SIZE];
  if (size <= 0 || !inode_below(fd, &inode, path)) return;
  if (at < 0) at = lseek64(fd, 0, SEEK_CUR) - size;
  note(bytes, size, "write\t%llu\t%lld", inode, (long long)at);
}

ssize_t write(int fd, const void *bytes, size_t size) {
  hold();
  ssize_t result = REAL(ssize_t, "write", int, const void *, size_t)(fd, bytes, size);
  note_write(fd, bytes, result, -1);
  release();
  return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
  hold();
  ssize_t result = REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, bytes, size, at);
  note_write(fd, bytes, result, at);
  release();
  return result;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) { return pwrite64(fd, bytes, size, at); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
  ssize_t total = 0;
  for (int part = 0; part < count; part++) {
    ssize_t result = write(fd, parts[part].iov_base, parts[part].iov_len);
    if (result < 0) return total > 0 ? total : result;
    total += result;
    if ((size_t)result < parts[part].iov_len) break;
  }
  return total;
}

int ftruncate64(int fd, off64_t size) {
  unsigned long long inode;
  char path[SIZE];
  hold();
  int result = REAL(int, "ftruncate64", int, off64_t)(fd, size);
  if (result == 0 && inode_below(fd, &inode, path)) note("", 0, "truncate\t%llu\t%lld", inode, (long long)size);
  release();
  return result;
}

static int of_one(int result, const char *act, int folder, const char *path) {
  char whole[2 * SIZE];
  const char *found = result == 0 ? place(folder, path, whole) : NULL;
  if (found != NULL) note("", 0, "%s\t%s", act, found);
  release();
  return result;
}

int unlink(const char *path) {
  hold();
  return of_one(REAL(int, "unlink", const char *)(path), "unlink", AT_FDCWD, path);
}

int rmdir(const char *path) {
  hold();
  return of_one(REAL(int, "rmdir", const char *)(path), "rmdir", AT_FDCWD, path);
}

int unlinkat(int folder, const char *path, int flags) {
  hold();
  int result = REAL(int, "unlinkat", int, const char *, int)(folder, path, flags);
  return of_one(result, flags & AT_REMOVEDIR ? "rmdir" : "unlink", folder, path);
}

int remove(const char *path) {
  struct stat64 found;
  return lstat64(path, &found) == 0 && S_ISDIR(found.st_mode) ? rmdir(path) : unlink(path);
}

int mkdir(const char *path, mode_t mode) {
  hold();
  return of_one(REAL(int, "mkdir", const char *, mode_t)(path, mode), "mkdir", AT_FDCWD, path);
}

static int of_two(int result, const char *act, const char *from, const char *to) {
  char whole[2 * SIZE], other[2 * SIZE];
  const char *first = place(AT_FDCWD, from, whole), *second = place(AT_FDCWD, to, other);
  if (result == 0 && (first != NULL || second != NULL))
    note("", 0, "%s\t%s\t%s", act, first == NULL ? "/" : first, second == NULL ? "/" : second);
  release();
  return result;
}

int rename(const char *from, const char *to) {
  hold();
  return of_two(REAL(int, "rename", const char *, const char *)(from, to), "rename", from, to);
}

int link(const char *from, const char *to) {
  hold();
  return of_two(REAL(int, "link", const char *, const char *)(from, to), "link", from, to);
}

int symlink(const char *target, const char *path) {
  char whole[2 * SIZE];
  hold();
  int result = REAL(int, "symlink", const char *, const char *)(target, path);
  const char *found = result == 0 ? place(AT_FDCWD, path, whole) : NULL;
  if (found != NULL) note("", 0, "symlink\t%s\t%s", found, target);
  release();
  return result;
}

static int open_any(const char *name, const char *path, int flags, mode_t mode) {
  char whole[2 * SIZE];
  struct stat64 found;
  if ((flags & (O_CREAT | O_TRUNC)) == 0) return REAL(int, name, const char *, int, ...)(path, flags, mode);
  hold();
  int is_new = stat64(path, &found) != 0;
  int fd = REAL(int, name, const char *, int, ...)(path, flags, mode);
  const char *made = fd < 0 ? NULL : place(AT_FDCWD, path, whole);
  if (made != NULL && fstat64(fd, &found) == 0) {
    if (is_new) note("", 0, "create\t%s\t%llu", made, (unsigned long long)found.st_ino);
    else if (flags & O_TRUNC) note("", 0, "truncate\t%llu\t0", (unsigned long long)found.st_ino);
  }
  release();
  return fd;
}

int openat(int folder, const char *path, int flags, ...) {
  char named[SIZE];
  va_list rest;
  va_start(rest, flags);
  mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  if ((flags & (O_CREAT | O_TRUNC)) == 0)
    return REAL(int, "openat", int, const char *, int, ...)(folder, path, flags, mode);
  if (path[0] == '/' || folder == AT_FDCWD) return open_any("open64", path, flags, mode);
  snprintf(named, sizeof named, "/proc/self/fd/%d/%s", folder, path);
  return open_any("open64", named, flags, mode);
}
