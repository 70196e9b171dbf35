/* A private pool of threads that share the tasks of one job.

Design
------
- A job is a function and a number of tasks; whoever is free takes the next one. Which thread runs a task never
  shows in the result: a task owns its part of the output.
- `ticket` holds the job's number and its next task in one word. It is closed, with a number of its own, before the
  next job is written, and opened behind it: so claiming a task proves that what was read belongs to the task's job.
- The caller works too and waits for tasks, not for threads: one that sleeps too long costs nothing but its help.
- A thread that finds no job looks for one for some microseconds, then sleeps. Small work never comes here.
- The pool serves one caller at a time. Another one, in another Python thread, does its tasks alone.
- A task may fork, because it looks for signals, and a handler in Python may do anything. During such a fork no task
  begins, and the tasks that other threads have begun are completed first. So the child's caller finds every task either
  done or not begun, and does the rest alone.
- A child has no threads after a fork. It forgets the parent's, and starts its own when it needs them.
- If another thread than a job's caller forks, the child forgets the job. The fork does not wait for the job's tasks: a
  task may wait for the GIL, which the forking thread holds. */
#ifndef GDCORE_POOL_H
#define GDCORE_POOL_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#include "machine/threads.h"
#include "machine/tuning.h"

#define POOL_CLOSED 0x7fffffffu    /* more than any job's tasks */

/* What the calling thread raises within a job, and the others look at. */
typedef struct {
    atomic_int up;
} Flag;

static inline void flag_set(Flag *flag, int up)
{
    atomic_store_explicit(&flag->up, up, memory_order_relaxed);
}

static inline int flag_up(Flag *flag)
{
    return atomic_load_explicit(&flag->up, memory_order_relaxed);
}

typedef void (*pool_task)(void *context, int task, int thread);

static struct {
    _Atomic(pool_task) run;
    _Atomic(void *) context;
    atomic_int tasks, threads;       /* threads that may help, the caller included */
    atomic_ullong ticket;            /* job number in the high half, next task in the low one */
    atomic_int done;                 /* tasks finished */
    atomic_int busy;                 /* a caller has the pool */
    atomic_int sleepers;
    int workers;                     /* threads started, beside the caller */
    atomic_long caller;              /* the thread that has the pool, 0: none */
    unsigned long long held;         /* the ticket, while a fork is under way */
    pthread_mutex_t lock;
    pthread_cond_t wake;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .ticket = POOL_CLOSED};

static inline void pool_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Run tasks of job number `job` until none is left; `thread` tells them who runs them. */
static void pool_work(unsigned job, int thread)
{
    for (;;) {
        unsigned long long ticket = atomic_load(&pool.ticket);
        const pool_task run = pool.run;
        void *context = pool.context;
        const int tasks = pool.tasks, threads = pool.threads, task = (int)(ticket & 0xffffffffu);
        if ((unsigned)(ticket >> 32) != job || task >= tasks || thread >= threads)
            return;
        if (!atomic_compare_exchange_weak(&pool.ticket, &ticket, ticket + 1))
            continue;
        run(context, task, thread);
        atomic_fetch_add(&pool.done, 1);
    }
}

static unsigned pool_job(void) { return (unsigned)(atomic_load(&pool.ticket) >> 32); }

static void *pool_worker(void *index)
{
    const int thread = (int)(intptr_t)index;
    unsigned seen = pool_job() - 1;
    for (;;) {
        int looks = 0;
        while (pool_job() == seen && ++looks < POOL_LOOKS)
            pool_pause();
        if (pool_job() == seen) {
            pthread_mutex_lock(&pool.lock);
            atomic_fetch_add(&pool.sleepers, 1);
            while (pool_job() == seen)
                pthread_cond_wait(&pool.wake, &pool.lock);
            atomic_fetch_sub(&pool.sleepers, 1);
            pthread_mutex_unlock(&pool.lock);
        }
        seen = pool_job();
        pool_work(seen, thread);
    }
    return NULL;
}

static int pool_is_mine(void) { return atomic_load(&pool.caller) == this_thread(); }

/* Before a fork: let no task begin, and wait for those of the workers. The forking thread is in one itself. */
static void pool_hold(void)
{
    if (!pool_is_mine())
        return;
    pool.held = atomic_exchange(&pool.ticket, (unsigned long long)pool_job() << 32 | POOL_CLOSED);
    const int begun = (int)(pool.held & 0xffffffffu), tasks = pool.tasks;
    while (atomic_load(&pool.done) < (begun < tasks ? begun : tasks) - 1)
        sched_yield();
}

/* After it, in the parent: workers that have left the job do not come back to it. */
static void pool_resume(void)
{
    if (pool_is_mine())
        atomic_store(&pool.ticket, pool.held);
}

/* And in the child. */
static void pool_forget(void)
{
    count_fork();
    pool.workers = 0;
    if (pool_is_mine())
        atomic_store(&pool.ticket, pool.held);
    else {
        atomic_store(&pool.ticket, (unsigned long long)(pool_job() + 1) << 32 | POOL_CLOSED);
        atomic_store(&pool.caller, 0);
        atomic_store(&pool.busy, 0);
    }
    atomic_store(&pool.sleepers, 0);
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.wake, NULL);
}

/* To be called once, before the first job. */
static int pool_watch_forks(void) { return pthread_atfork(pool_hold, pool_resume, pool_forget); }

/* Start threads until there are `wanted` beside the caller, or no more are to be had. */
static void pool_start(int wanted)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);    /* signals are the main thread's */
    while (pool.workers < wanted && pool.workers < MAX_THREADS - 1) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, pool_worker, (void *)(intptr_t)(pool.workers + 1)))
            break;
        pthread_detach(thread);
        pool.workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Run tasks 0 … tasks - 1, each once, on at most `threads` threads. Thread numbers are below `threads`. */
static void pool_run(pool_task run, void *context, int tasks, int threads)
{
    if (threads <= 1 || tasks <= 1 || atomic_exchange(&pool.busy, 1)) {
        for (int task = 0; task < tasks; task++)
            run(context, task, 0);
        return;
    }
    atomic_store(&pool.caller, this_thread());
    if (pool.workers < threads - 1)
        pool_start(threads - 1);
    const unsigned job = pool_job() + 2;
    atomic_store(&pool.ticket, (unsigned long long)(job - 1) << 32 | POOL_CLOSED);
    pool.run = run;
    pool.context = context;
    pool.tasks = tasks;
    pool.threads = threads;
    atomic_store(&pool.done, 0);
    atomic_store(&pool.ticket, (unsigned long long)job << 32);
    if (atomic_load(&pool.sleepers)) {
        pthread_mutex_lock(&pool.lock);
        pthread_cond_broadcast(&pool.wake);
        pthread_mutex_unlock(&pool.lock);
    }
    pool_work(job, 0);
    for (int waits = 0; atomic_load(&pool.done) < tasks; waits++)
        if (waits < POOL_WAITS)
            pool_pause();
        else
            sched_yield();
    atomic_store(&pool.caller, 0);
    atomic_store(&pool.busy, 0);
}

#endif
