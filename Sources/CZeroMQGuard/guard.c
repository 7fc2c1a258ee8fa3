// libzmq 4.3 ends the process (`Assertion failed: !_io_error`, stream_engine_base.cpp) for a peer that sends more than the socket
// has room for, heartbeats among it, and then breaks the connection:
//
//   - a full socket makes the engine stop its input: it takes EPOLLIN out of what it waits for;
//   - epoll reports EPOLLERR and EPOLLHUP all the same (or has done so together with EPOLLIN, which stopped it), libzmq takes them
//     as input, and notes an I/O error;
//   - when there is room again, what was read before is decoded; a heartbeat (PING) in it is answered at once, and
//     answering asserts that there was no error.
//
// So a connection that has stopped its input must not hear that it is broken before it goes on reading, when it finds out by
// itself. That is what the two functions here do, for libzmq's own threads; everybody else gets the system's behaviour. A
// connection that is broken and waits for nothing is taken out of the set ("parked"), or epoll would report it without end.
//
// A connection that waits while the process has no file descriptor free is reported by epoll again at once, and libzmq tries to
// accept it again at once: its thread would spin. At an ipc endpoint it even ends the process: ipc_listener.cpp asserts that the
// reason is none of those that this leads to but ENFILE, which both kinds of endpoints take for what it is. So here the thread
// waits a little after such a failure, and is told ENFILE; the failures are counted.
//
// The executable's symbols go before the C library's wherever a library is linked to them dynamically, as libzmq is.

#include "czeromqguard.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHED_BY_SANITIZER
#endif
#endif

#ifdef WATCHED_BY_SANITIZER

// The thread sanitizer replaces the same functions, and must see every call.
bool czeromq_guard_is_in_place(void) { return false; }
unsigned long long czeromq_guard_failed_accepts(void) { return 0; }

#else

// What libzmq wants of a file descriptor. Each is in one set at a time, and only that set's thread comes here with it.
typedef struct {
    uint64_t data;
    uint32_t interest;
    bool is_known, is_parked;
} watch;

// More than the limit of open files is set to anywhere sensible; what lies beyond is passed through. Untouched pages cost nothing.
enum { WATCHES = 1 << 20 };
static watch watches[WATCHES];

// libzmq's pointers are even: an odd number is a file descriptor of ours.
static uint64_t tag(int fd) { return (uint64_t)fd << 1 | 1; }
static bool is_tagged(uint64_t data) { return data & 1; }

static bool is_network_thread(void) {
    static _Thread_local signed char answer;
    if (answer == 0) {
        char name[16] = "";
        answer = pthread_getname_np(pthread_self(), name, sizeof name) == 0 && strncmp(name, "ZMQbg/IO", 8) == 0 ? 1 : -1;
    }
    return answer > 0;
}

static int system_ctl(int set, int operation, int fd, struct epoll_event *event) {
    return (int)syscall(SYS_epoll_ctl, set, operation, fd, event);
}

__attribute__((visibility("default"))) int epoll_ctl(int set, int operation, int fd, struct epoll_event *event) {
    if (fd < 0 || fd >= WATCHES || !is_network_thread()) return system_ctl(set, operation, fd, event);
    watch *entry = &watches[fd];
    if (operation == EPOLL_CTL_DEL) {
        const bool was_parked = entry->is_known && entry->is_parked;
        *entry = (watch){0};
        return was_parked ? 0 : system_ctl(set, operation, fd, event);
    }
    if (!event || is_tagged(event->data.u64)) return system_ctl(set, operation, fd, event);
    struct epoll_event ours = {.events = event->events, .data.u64 = tag(fd)};
    const bool comes_back = operation == EPOLL_CTL_MOD && entry->is_known && entry->is_parked;
    const int result = system_ctl(set, comes_back ? EPOLL_CTL_ADD : operation, fd, &ours);
    if (result == 0) *entry = (watch){.data = event->data.u64, .interest = event->events, .is_known = true};
    return result;
}

__attribute__((visibility("default"))) int epoll_wait(int set, struct epoll_event *events, int most, int timeout) {
    const int count = (int)syscall(SYS_epoll_pwait, set, events, most, timeout, NULL, 8);
    if (count <= 0 || !is_network_thread()) return count;
    int kept = 0;
    for (int index = 0; index < count; index++) {
        struct epoll_event event = events[index];
        if (is_tagged(event.data.u64)) {
            const int fd = (int)(event.data.u64 >> 1);
            watch *entry = &watches[fd];
            event.data.u64 = entry->data;
            // libzmq takes EPOLLERR, EPOLLHUP and EPOLLIN for input each: twice in a row, and the first may stop the input. Once
            // is enough, for reading tells of the error.
            if (event.events & (EPOLLERR | EPOLLHUP)) event.events |= EPOLLIN;
            event.events &= entry->interest & ~(uint32_t)(EPOLLERR | EPOLLHUP);
            if (event.events == 0) {
                entry->is_parked = system_ctl(set, EPOLL_CTL_DEL, fd, &event) == 0;
                continue;
            }
        }
        events[kept++] = event;
    }
    return kept;
}

static atomic_ullong failed_accepts;

// Long enough to cost next to nothing, short enough for the other connections of the thread.
static const struct timespec pause_after_failure = {.tv_nsec = 20000000};

static int accepted(int result) {
    if (result >= 0 || !(errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) return result;
    if (!is_network_thread()) return result;
    atomic_fetch_add_explicit(&failed_accepts, 1, memory_order_relaxed);
    nanosleep(&pause_after_failure, NULL);
    errno = ENFILE;
    return result;
}

__attribute__((visibility("default"))) int accept4(int fd, __SOCKADDR_ARG address, socklen_t *length, int flags) {
    return accepted((int)syscall(SYS_accept4, fd, address.__sockaddr__, length, flags));
}

__attribute__((visibility("default"))) int accept(int fd, __SOCKADDR_ARG address, socklen_t *length) {
    return accepted((int)syscall(SYS_accept4, fd, address.__sockaddr__, length, 0));
}

unsigned long long czeromq_guard_failed_accepts(void) {
    return atomic_load_explicit(&failed_accepts, memory_order_relaxed);
}

bool czeromq_guard_is_in_place(void) { return dlsym(RTLD_DEFAULT, "epoll_wait") == (void *)epoll_wait; }

#endif
