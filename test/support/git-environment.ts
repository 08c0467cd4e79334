/** What git needs of the environment to commit, with nothing of the machine's own settings. */
export const gitEnvironment = {
  PATH: process.env['PATH'],
  HOME: '/nowhere',
  GIT_AUTHOR_NAME: 'A',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'A',
  GIT_COMMITTER_EMAIL: 'a@example.org',
  GIT_CONFIG_NOSYSTEM: '1',
};
