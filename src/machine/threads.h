/* Who a thread is, and what a fork leaves of the threads.
 *
 * Design
 * ------
 * - A thread has a number that no other thread of this process or of its children ever has: the system's own
 *   numbers come back. 0 is no thread.
 * - Of all threads only the one that forks lives on in the child. What was held by another one is free there: whoever
 *   keeps the number of forks beside what he holds sees that it is from before. */
#ifndef GDCORE_THREADS_H
#define GDCORE_THREADS_H

#include <pthread.h>
#include <stdatomic.h>

static atomic_long thread_numbers;
static _Thread_local long thread_number;
static long forks, survivor;    /* forks behind this process, and the thread that lived through the last one */

static long this_thread(void)
{
    if (!thread_number)
        thread_number = atomic_fetch_add(&thread_numbers, 1) + 1;
    return thread_number;
}

static void count_fork(void)
{
    forks++;
    survivor = this_thread();
}

#endif
