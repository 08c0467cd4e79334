/*
 * Preloaded into a process of the tests: makes one of its file calls fail, and keeps what a power loss would leave.
 *
 * HOLDFAST_IO_ROOT: only calls on paths below it count.
 * HOLDFAST_IO_FAIL="CALL N ERRNO FILE": the N-th such call, counted over all threads, fails once with the errno;
 *   FILE is then made, to tell. Another text begins counting anew. ERRNO 0: the process is killed there in place of
 *   the call, in a write half-way through. N 0: none fails, FILE gets a byte for each.
 * HOLDFAST_IO_BOOT: a file that is read in place of the system's boot id: the process plays one after a power loss.
 * HOLDFAST_IO_SHADOW: a folder. Whenever a file of a database is synced, its content is copied there.
 */
#include "preloaded.h"
#include <dirent.h>
#include <signal.h>


static int is_below_root(const char *path) {
  const char *root = getenv("HOLDFAST_IO_ROOT");
  return root != NULL && strncmp(path, root, strlen(root)) == 0;
}

static int path_of(int fd, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return is_below_root(path);
}

/* Paths come relative to a folder's descriptor, by /proc/self/fd, or absolute. */
static int is_ours(int folder, const char *path) {
  char of_folder[4096];
  int fd;
  if (sscanf(path, "/proc/self/fd/%d", &fd) == 1) return path_of(fd, of_folder, sizeof of_folder);
  if (path[0] == '/' || folder == AT_FDCWD) return is_below_root(path);
  return path_of(folder, of_folder, sizeof of_folder);
}

/* Sets errno and returns 1 where this call is to fail. */
static int fails(const char *call) {
  static char told[4096];
  static int count;
  const char *given = getenv("HOLDFAST_IO_FAIL");
  if (given == NULL || given[0] == 0) return 0;
  hold();
  if (strncmp(told, given, sizeof told) != 0) {
    strncpy(told, given, sizeof told - 1);
    count = 0;
  }
  char wanted[32], file[3800];
  int place, code, is_due = 0;
  if (sscanf(told, "%31s %d %d %3799s", wanted, &place, &code, file) == 4 && strcmp(wanted, call) == 0)
    is_due = place == 0 || ++count == place;
  release();
  if (!is_due) return 0;
  if (place == 0) {
    int counted = REAL(int, "open64", const char *, int, ...)(file, O_CREAT | O_WRONLY | O_APPEND, 0644);
    if (REAL(ssize_t, "write", int, const void *, size_t)(counted, ".", 1) != 1) abort();
    close(counted);
    return 0;
  }
  close(REAL(int, "open64", const char *, int, ...)(file, O_CREAT | O_WRONLY, 0644));
  if (code == 0 && strcmp(call, "write") != 0) kill(getpid(), SIGKILL);
  errno = code;
  return 1;
}

/* A write that is to be killed has got half-way. */
static ssize_t failed_write(int fd, const void *bytes, size_t size, off64_t at) {
  if (errno != 0) return -1;
  size_t half = size / 2;
  ssize_t length = at < 0 ? REAL(ssize_t, "write", int, const void *, size_t)(fd, bytes, half)
                          : REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, bytes, half, at);
  kill(getpid(), SIGKILL);
  return length;
}

static void copy_to_shadow(int synced) {
  char path[4096], target[4200], buffer[65536];
  const char *shadow = getenv("HOLDFAST_IO_SHADOW");
  if (shadow == NULL || !path_of(synced, path, sizeof path)) return;
  const char *name = strrchr(path, '/') + 1;
  if (strstr(name, "ledger.sqlite") == NULL) return;
  snprintf(target, sizeof target, "%s/%s", shadow, name);
  int from = REAL(int, "open64", const char *, int, ...)(path, O_RDONLY);
  int to = REAL(int, "open64", const char *, int, ...)(target, O_CREAT | O_TRUNC | O_WRONLY, 0600);
  ssize_t length;
  while ((length = REAL(ssize_t, "read", int, void *, size_t)(from, buffer, sizeof buffer)) > 0)
    if (REAL(ssize_t, "write", int, const void *, size_t)(to, buffer, length) != length) abort();
  close(from);
  close(to);
}

/* Most calls of a process are others: those cost no look at their path. */
static int is_wanted(const char *call) {
  const char *given = getenv("HOLDFAST_IO_FAIL");
  size_t length = strlen(call);
  return given != NULL && strncmp(given, call, length) == 0 && given[length] == ' ';
}

static int is_failing_fd(const char *call, int fd) {
  char path[4096];
  return is_wanted(call) && path_of(fd, path, sizeof path) && fails(call);
}

int fsync(int fd) {
  if (is_failing_fd("fsync", fd)) return -1;
  int result = REAL(int, "fsync", int)(fd);
  if (result == 0) copy_to_shadow(fd);
  return result;
}

int fdatasync(int fd) {
  if (is_failing_fd("fsync", fd)) return -1;
  int result = REAL(int, "fdatasync", int)(fd);
  if (result == 0) copy_to_shadow(fd);
  return result;
}

ssize_t write(int fd, const void *bytes, size_t size) {
  if (is_failing_fd("write", fd)) return failed_write(fd, bytes, size, -1);
  return REAL(ssize_t, "write", int, const void *, size_t)(fd, bytes, size);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
  if (is_failing_fd("write", fd)) return failed_write(fd, bytes, size, at);
  return REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, bytes, size, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) {
  if (is_failing_fd("write", fd)) return failed_write(fd, bytes, size, at);
  return REAL(ssize_t, "pwrite", int, const void *, size_t, off_t)(fd, bytes, size, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (is_failing_fd("write", fd)) return failed_write(fd, parts[0].iov_base, parts[0].iov_len, -1);
  return REAL(ssize_t, "writev", int, const struct iovec *, int)(fd, parts, count);
}

int ftruncate64(int fd, off64_t size) {
  if (is_failing_fd("write", fd)) return (int)failed_write(fd, "", 0, -1);
  return REAL(int, "ftruncate64", int, off64_t)(fd, size);
}

ssize_t read(int fd, void *bytes, size_t size) {
  if (is_failing_fd("read", fd)) return -1;
  return REAL(ssize_t, "read", int, void *, size_t)(fd, bytes, size);
}

ssize_t pread64(int fd, void *bytes, size_t size, off64_t at) {
  if (is_failing_fd("read", fd)) return -1;
  return REAL(ssize_t, "pread64", int, void *, size_t, off64_t)(fd, bytes, size, at);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t at) {
  if (is_failing_fd("read", fd)) return -1;
  return REAL(ssize_t, "pread", int, void *, size_t, off_t)(fd, bytes, size, at);
}

int scandir64(const char *path, struct dirent64 ***found, int (*is_listed)(const struct dirent64 *),
              int (*compare)(const struct dirent64 **, const struct dirent64 **)) {
  if (is_wanted("list") && is_ours(AT_FDCWD, path) && fails("list")) return -1;
  return REAL(int, "scandir64", const char *, struct dirent64 ***, int (*)(const struct dirent64 *),
              int (*)(const struct dirent64 **, const struct dirent64 **))(path, found, is_listed, compare);
}

int rename(const char *from, const char *to) {
  if (is_ours(AT_FDCWD, to) && fails("rename")) return -1;
  return REAL(int, "rename", const char *, const char *)(from, to);
}

int link(const char *from, const char *to) {
  if (is_ours(AT_FDCWD, to) && fails("link")) return -1;
  return REAL(int, "link", const char *, const char *)(from, to);
}

int unlink(const char *path) {
  if (is_ours(AT_FDCWD, path) && fails("unlink")) return -1;
  return REAL(int, "unlink", const char *)(path);
}

int unlinkat(int folder, const char *path, int flags) {
  if (is_ours(folder, path) && fails("unlink")) return -1;
  return REAL(int, "unlinkat", int, const char *, int)(folder, path, flags);
}

int rmdir(const char *path) {
  if (is_ours(AT_FDCWD, path) && fails("rmdir")) return -1;
  return REAL(int, "rmdir", const char *)(path);
}

int mkdir(const char *path, mode_t mode) {
  if (is_ours(AT_FDCWD, path) && fails("mkdir")) return -1;
  return REAL(int, "mkdir", const char *, mode_t)(path, mode);
}

static int open_any(const char *name, const char *path, int flags, mode_t mode) {
  const char *boot = getenv("HOLDFAST_IO_BOOT");
  if (boot != NULL && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0) path = boot;
  if (is_ours(AT_FDCWD, path) && fails("open")) return -1;
  return REAL(int, name, const char *, int, ...)(path, flags, mode);
}
