#define _GNU_SOURCE
#include "tessera_shims.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static int start(const char *path, const char *const *arguments, const char *input, int shared,
                 const char *output, pid_t *child) {
  posix_spawn_file_actions_t actions;
  int error = posix_spawn_file_actions_init(&actions);
  if (error) return error;
  error = posix_spawn_file_actions_addopen(&actions, 0, input, O_RDWR, 0);
  if (!error && shared >= 0) error = posix_spawn_file_actions_adddup2(&actions, shared, 3);
  if (!error)
    error = posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (!error) error = posix_spawn_file_actions_adddup2(&actions, 1, 2);
  if (!error) error = posix_spawn(child, path, &actions, NULL, (char *const *)arguments, environ);
  // A child that another thread has just cloned holds every file that was open for writing, the program too, until
  // it begins its own: an instant, waited for up to two seconds.
  for (int wait = 0; error == ETXTBSY && wait < 200; wait++) {
    nanosleep(&(struct timespec){0, 10000000}, NULL);
    error = posix_spawn(child, path, &actions, NULL, (char *const *)arguments, environ);
  }
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

static int plain(int status) { return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status); }

int tessera_run_process(const char *path, const char *const *arguments, const char *input,
                        const char *output, int *status) {
  pid_t child = 0;
  const int error = start(path, arguments, input, -1, output, &child);
  if (error) return error;
  while (waitpid(child, status, 0) < 0)
    if (errno != EINTR) return errno;
  *status = plain(*status);
  return 0;
}

int tessera_start_process(const char *path, const char *const *arguments, const char *input, int shared,
                          const char *output, int *child) {
  pid_t begun = 0;
  const int error = start(path, arguments, input, shared, output, &begun);
  *child = begun;
  return error;
}

int tessera_has_ended(int child, int waits, int *status) {
  pid_t ended;
  do ended = waitpid(child, status, waits ? 0 : WNOHANG);
  while (ended < 0 && errno == EINTR);
  if (ended == child) *status = plain(*status);
  return ended != 0;
}

void tessera_kill(int child) { kill(child, SIGKILL); }
