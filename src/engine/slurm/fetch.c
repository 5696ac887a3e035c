#include "engine/slurm/fetch.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "engine/child.h"
#include "engine/local_inner.h"
#include "model/fleet.h"

enum {
    READ_BYTES = 64 * 1024,
    NOISE_MAX = 64 * 1024,
    WORDS_KEPT = 240,
    ANSWER_MAX = DURE_FETCH_BYTES_MAX + NOISE_MAX,
    REAP_MS = 10
};

struct fetching {
    struct dure_fetcher *fetcher;
    struct fetching *prev, *next; /* among those that wait, or those under way */
    dure_fetched_fn fn;           /* NULL: told */
    void *context;
    char *words[DURE_SLURM_FETCH_MAX + 1];
    char mark[32];
    int script_fd;
    int64_t timeout_us;
    uint64_t limit;
    uv_work_t work;
    atomic_bool unwanted;    /* if it has not begun, it does not */
    struct dure_child child; /* pid 0: no process is left to wait for */
    int code;                /* why it did not begin */
    bool tried;              /* the worker is done with it */
    uv_pipe_t out, err;      /* once it has begun */
    uv_timer_t timer, reaper;
    unsigned open;    /* handles that are not closed, and the work */
    unsigned reading; /* pipes whose end has not come */
    int64_t status;
    struct dure_buf answer;
    char said[WORDS_KEPT + 1]; /* on standard error */
    size_t said_length;
    char bytes[READ_BYTES];
    char text[]; /* of the words */
};

struct dure_fetcher {
    uv_loop_t *loop;
    struct fetching *under_way, *first, *last;
    unsigned under_way_count, waiting_count, held;
    uint64_t marks;
    bool closing;
};

static void pump(struct dure_fetcher *fetcher);

static void release(struct fetching *f)
{
    struct dure_fetcher *fetcher = f->fetcher;
    if (f->script_fd >= 0)
        close(f->script_fd);
    dure_buf_release(&f->answer);
    free(f);
    if (--fetcher->held == 0 && fetcher->closing)
        free(fetcher);
}

static void tell(struct fetching *f, const struct dure_fetched *fetched)
{
    const dure_fetched_fn fn = f->fn;
    f->fn = NULL;
    if (fn)
        fn(f->context, fetched);
}

static void fail(struct fetching *f, enum dure_err err, const char *format, ...) DURE_PRINTF(3, 4);
static void fail(struct fetching *f, enum dure_err err, const char *format, ...)
{
    char text[DURE_REASON_MAX + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tell(f, &(struct dure_fetched){.err = err, .text = text, .bytes = ""});
}

/* After the mark: "none", "other", or "file SIZE" and the bytes. Before it a shell may have greeted. */
static void judge(struct fetching *f)
{
    const char *data = f->answer.length ? f->answer.data : "";
    const char *at = memmem(data, f->answer.length, f->mark, strlen(f->mark)), *end = data + f->answer.length;
    unsigned long long size = 0;
    int length = 0;
    at = at ? at + strlen(f->mark) : NULL;
    const char *line_end = at ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    if (!line_end)
        fail(f, DURE_E_IO, "%s said nothing of it (%s %" PRId64 ")%s%s", f->words[0],
             f->status < 0 ? "ended by a signal" : "exit", f->status, f->said[0] ? ": " : "", f->said);
    else if (strncmp(at, " none\n", 6) == 0)
        fail(f, DURE_E_NOT_FOUND, "there is no such file");
    else if (strncmp(at, " other\n", 7) == 0)
        fail(f, DURE_E_PERMISSION, "its output is not a plain file of the job's own user");
    else if (sscanf(at, " file %20llu%n", &size, &length) == 1 && at + length == line_end &&
             (uint64_t)(end - line_end - 1) <= f->limit)
        tell(f, &(struct dure_fetched){
                    .text = "", .size = size, .bytes = line_end + 1, .length = (size_t)(end - line_end - 1)});
    else
        fail(f, DURE_E_IO, "%s gave back what is not its answer", f->words[0]);
}

static void one_less(struct fetching *f)
{
    if (--f->open == 0)
        release(f);
}

static void closed(uv_handle_t *handle)
{
    one_less(handle->data);
}

static void shut(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, closed);
}

/* It is under way no more; its handles close in the loop's next turns. */
static void leave(struct fetching *f)
{
    struct dure_fetcher *fetcher = f->fetcher;
    if (f->prev)
        f->prev->next = f->next;
    else
        fetcher->under_way = f->next;
    if (f->next)
        f->next->prev = f->prev;
    fetcher->under_way_count--;
    shut((uv_handle_t *)&f->timer);
    if (f->tried && !f->code) {
        shut((uv_handle_t *)&f->out);
        shut((uv_handle_t *)&f->err);
    }
    if (f->tried && !f->child.pid)
        shut((uv_handle_t *)&f->reaper);
    if (!fetcher->closing)
        pump(fetcher);
}

static void on_reap(uv_timer_t *timer);

/* It has closed both pipes, or was killed: its end is near. */
static void reap(struct fetching *f)
{
    int status = 0;
    const pid_t got = waitpid(f->child.pid, &status, WNOHANG);
    if (got == 0) {
        uv_timer_start(&f->reaper, on_reap, REAP_MS, 0);
        return;
    }
    f->child.pid = 0;
    f->status = got < 0 ? -1 : WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    if (f->fn) {
        judge(f);
        leave(f);
    } else {
        shut((uv_handle_t *)&f->reaper);
    }
}

static void on_reap(uv_timer_t *timer)
{
    reap(timer->data);
}

/* Nobody waits for it any more, but its process is waited for, so that it is no zombie. */
static void give_up(struct fetching *f, enum dure_err err, const char *why)
{
    if (!f->fn)
        return;
    atomic_store(&f->unwanted, true);
    fail(f, err, "%s%s%s", why, f->said[0] ? ": " : "", f->said);
    leave(f);
    if (f->tried && f->child.pid) { /* until then it is the worker's */
        kill(f->child.pid, SIGKILL);
        reap(f);
    }
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct fetching *f = handle->data;
    (void)suggested;
    *buf = uv_buf_init(f->bytes, sizeof f->bytes);
}

static void on_bytes(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct fetching *f = stream->data;
    if (count < 0) {
        uv_read_stop(stream);
        if (--f->reading == 0 && f->fn)
            reap(f);
        return;
    }
    if (stream == (uv_stream_t *)&f->err) {
        for (ssize_t i = 0; i < count && f->said_length < WORDS_KEPT; i++)
            f->said[f->said_length++] = (char)((unsigned char)buf->base[i] < ' ' ? ' ' : buf->base[i]);
        return;
    }
    dure_buf_add(&f->answer, buf->base, (size_t)count);
    if (f->answer.failed)
        give_up(f, DURE_E_IO, "more came than was asked for");
}

static void on_time(uv_timer_t *timer)
{
    give_up(timer->data, DURE_E_TIMEOUT, "the command that fetches it did not end in time");
}

static void open_pipe(struct fetching *f, uv_pipe_t *pipe, int fd)
{
    DURE_ASSERT(uv_pipe_init(f->fetcher->loop, pipe, 0) == 0);
    pipe->data = f;
    f->open++;
    f->reading++;
    DURE_ASSERT(uv_pipe_open(pipe, fd) == 0);
    uv_read_start((uv_stream_t *)pipe, on_room, on_bytes);
}

/* On a worker. */
static void begin_it(uv_work_t *work)
{
    struct fetching *f = work->data;
    const struct dure_spawn what = {.file = f->words[0], .search = true, .arguments = f->words, .environment = environ};
    f->code = atomic_load(&f->unwanted) ? ECANCELED : dure_spawn_piped(&what, f->script_fd, &f->child);
}

static void tried(uv_work_t *work, int status)
{
    struct fetching *f = work->data;
    (void)status;
    f->tried = true;
    if (!f->code) {
        open_pipe(f, &f->out, f->child.out_fd);
        open_pipe(f, &f->err, f->child.err_fd);
    }
    if (f->code && f->fn) {
        snprintf(f->said, sizeof f->said, "%.100s: %s", f->words[0], strerror(f->code));
        give_up(f, DURE_E_IO, "the command that fetches it cannot be started");
    } else if (f->code) {
        shut((uv_handle_t *)&f->reaper);
    } else if (!f->fn) { /* given up in this very moment */
        shut((uv_handle_t *)&f->out);
        shut((uv_handle_t *)&f->err);
        kill(f->child.pid, SIGKILL);
        reap(f);
    }
    one_less(f);
}

static void begin(struct fetching *f)
{
    struct dure_fetcher *fetcher = f->fetcher;
    f->prev = NULL;
    f->next = fetcher->under_way;
    if (f->next)
        f->next->prev = f;
    fetcher->under_way = f;
    fetcher->under_way_count++;
    uv_timer_init(fetcher->loop, &f->timer);
    uv_timer_init(fetcher->loop, &f->reaper);
    f->timer.data = f->reaper.data = f->work.data = f;
    f->open += 3;
    uv_timer_start(&f->timer, on_time, (uint64_t)(f->timeout_us / 1000), 0);
    DURE_ASSERT(uv_queue_work(fetcher->loop, &f->work, begin_it, tried) == 0);
}

static void pump(struct dure_fetcher *fetcher)
{
    while (fetcher->first && fetcher->under_way_count < DURE_FETCHES) {
        struct fetching *f = fetcher->first;
        fetcher->first = f->next;
        if (!fetcher->first)
            fetcher->last = NULL;
        fetcher->waiting_count--;
        begin(f);
    }
}

/* The file is opened once, and whose it is is asked of what was opened: its name may be another's a moment later. */
static bool write_script(struct fetching *f, const struct dure_fetch *fetch)
{
    struct dure_buf script DURE_CLEANUP_BUF;
    const bool by_number = strncmp(fetch->login, "uid:", 4) == 0;
    dure_buf_init(&script, READ_BYTES);
    dure_buf_str(&script, "f=");
    local_quote(&script, fetch->path);
    dure_buf_str(&script, "\nw=");
    local_quote(&script, by_number ? fetch->login + 4 : fetch->login);
    dure_buf_printf(&script,
                    "\nif [ ! -e \"$f\" ]; then echo '%s none'; exit 0; fi\n"
                    "if [ ! -f \"$f\" ] || [ ! -r \"$f\" ]; then echo '%s other'; exit 0; fi\n"
                    "{\nset -- $(stat -L -c '%%s %%%c %%f' /dev/fd/3)\n"
                    "[ -n \"$w\" ] || w=$(id -un)\n"
                    "if [ \"$2\" != \"$w\" ]; then echo '%s other'; exit 0; fi\n"
                    "case $3 in 8[0-9a-f]*) ;; *) echo '%s other'; exit 0 ;; esac\n"
                    "echo \"%s file $1\"\n"
                    "if [ \"$1\" -gt %" PRIu64 " ]; then tail -c +%" PRIu64 " <&3 | head -c %" PRIu64 "; fi\n"
                    "} 3<\"$f\"\n",
                    f->mark, f->mark, by_number ? 'u' : 'U', f->mark, f->mark, f->mark, fetch->offset,
                    fetch->offset + 1, fetch->limit);
    f->script_fd = script.failed ? -1 : memfd_create("script", MFD_CLOEXEC);
    return f->script_fd >= 0 && write(f->script_fd, script.data, script.length) == (ssize_t)script.length &&
           lseek(f->script_fd, 0, SEEK_SET) == 0;
}

static struct fetching *make(struct dure_fetcher *fetcher, const struct dure_fetch *fetch)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < fetch->word_count; i++)
        bytes += strlen(fetch->words + bytes) + 1;
    struct fetching *f = calloc(1, sizeof *f + bytes);
    if (!f)
        return NULL;
    f->fetcher = fetcher;
    fetcher->held++;
    f->script_fd = -1;
    f->timeout_us = fetch->timeout_us;
    f->limit = fetch->limit;
    dure_buf_init(&f->answer, ANSWER_MAX);
    memcpy(f->text, fetch->words, bytes);
    char *at = f->text;
    for (uint32_t i = 0; i < fetch->word_count; i++, at += strlen(at) + 1)
        f->words[i] = at;
    snprintf(f->mark, sizeof f->mark, "dure-%" PRIx64 "-%" PRIx64, (uint64_t)uv_hrtime(), fetcher->marks++);
    if (write_script(f, fetch))
        return f;
    release(f);
    return NULL;
}

enum dure_err dure_fetcher_fetch(struct dure_fetcher *fetcher, const struct dure_fetch *fetch, dure_fetched_fn fn,
                                 void *context, struct dure_error *error)
{
    DURE_ASSERT(fetch->word_count && fetch->word_count <= DURE_SLURM_FETCH_MAX && fetch->limit <= DURE_FETCH_BYTES_MAX);
    if (fetcher->waiting_count >= DURE_FETCHES_WAIT)
        return dure_fail(error, DURE_E_BUSY, "%d outputs wait to be fetched already", DURE_FETCHES_WAIT);
    struct fetching *f = make(fetcher, fetch);
    if (!f)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    f->fn = fn;
    f->context = context;
    if (fetcher->under_way_count < DURE_FETCHES) {
        begin(f);
        return DURE_OK;
    }
    if (fetcher->last)
        fetcher->last->next = f;
    else
        fetcher->first = f;
    fetcher->last = f;
    fetcher->waiting_count++;
    return DURE_OK;
}

enum dure_err dure_fetcher_new(struct uv_loop_s *loop, struct dure_fetcher **ret_fetcher)
{
    struct dure_fetcher *fetcher = calloc(1, sizeof *fetcher);
    if (!fetcher)
        return DURE_E_MEMORY;
    fetcher->loop = loop;
    *ret_fetcher = fetcher;
    return DURE_OK;
}

void dure_fetcher_free(struct dure_fetcher *fetcher)
{
    if (!fetcher)
        return;
    fetcher->closing = true;
    fetcher->held++;
    while (fetcher->first) {
        struct fetching *f = fetcher->first;
        fetcher->first = f->next;
        fail(f, DURE_E_STATE, "the daemon is stopping");
        release(f);
    }
    while (fetcher->under_way)
        give_up(fetcher->under_way, DURE_E_STATE, "the daemon is stopping");
    if (--fetcher->held == 0)
        free(fetcher);
}
