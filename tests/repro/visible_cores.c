/* Preloaded (LD_PRELOAD), it lets a process see VISIBLE_CORES cores, however many the machine has: by the calls
   through which Python, OpenMP, torch, NumPy's OpenBLAS and Numba count them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int cores(void) { return atoi(getenv("VISIBLE_CORES")); }

int get_nprocs(void) { return cores(); }
int get_nprocs_conf(void) { return cores(); }

int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set) {
  memset(set, 0, size);
  for (int core = 0; core < cores(); core++) CPU_SET_S(core, size, set);
  return 0;
}

int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set) { return sched_getaffinity(0, size, set); }

long sysconf(int name) {
  static long (*real)(int);
  if (name == _SC_NPROCESSORS_ONLN || name == _SC_NPROCESSORS_CONF) return cores();
  if (!real) real = (long (*)(int))dlsym(RTLD_NEXT, "sysconf");
  return real(name);
}
