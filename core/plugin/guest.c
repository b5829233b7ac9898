/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/guest.h"

#include "base/clock.h"
#include "base/mem.h"
#include "loop/look.h"
#include "plugin/leak.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef LOOP_SANITIZED
#define STACK_SIZE ((size_t)1 << 20)
#else
#define STACK_SIZE ((size_t)256 << 10)
#endif

#define STACK_FORGOTTEN ((size_t)128 << 10)

/* ---- messages -------------------------------------------------------------------------------- */

void guest_send(struct guest *guest, const struct wire_head *head, const void *payload, size_t len)
{
    struct wire_head frame;
    size_t at = 0, from = 0;
    bool begun = false;

    while (wire_next(head, len, &at, &begun, &frame)) {
        /* Neither is written to. */
        struct iovec parts[2] = {
            {&frame, sizeof(frame)},
            {(void *)((uintptr_t)payload + from), frame.length},
        };
        ssize_t n;

        do
            n = writev(guest->fd, parts, frame.length ? 2 : 1);
        while (n < 0 && errno == EINTR);
        if (n < 0) /* the host is gone, or wants nothing of us any more */
            _exit(0);
        from = at;
    }
    guest->asks = head->kind == WIRE_CALL || head->kind == WIRE_COMPUTED;
    if (!guest->page)
        return;
    atomic_store_explicit(&guest->page->processor, guest_processor(), memory_order_relaxed);
    atomic_fetch_add_explicit(&guest->page->sent, 1, memory_order_release);
}

/* What was asked for comes at once, most often: to be woken for it would take longer than it does. */
static void look_for_answer(struct guest *guest)
{
    struct guest_page *page = guest->page;
    uint64_t until;
    bool found;

    if (!page || !guest->asks ||
        !guest_look_worth(&guest->look,
                          atomic_load_explicit(&page->host_processor, memory_order_relaxed)))
        return;
    until = clock_ns() + (uint64_t)GUEST_LOOK_US * 1000;
    while (!(found = (int32_t)(atomic_load_explicit(&page->host_sent, memory_order_acquire) -
                               guest->host_seen) > 0) &&
           clock_ns() < until)
        look_relax();
    guest_look_done(&guest->look, found);
}

/* The next message, in guest->reader. */
static void receive(struct guest *guest)
{
    struct error err;
    troupe_status status;

    look_for_answer(guest);
    do {
        ssize_t n;

        do
            n = read(guest->fd, guest->frame, GUEST_FRAME);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
            _exit(0);
        status = wire_read(&guest->reader, guest->frame, (size_t)n, &err);
        if (status < 0 && status != TROUPE_END)
            _exit(70);
    } while (status == TROUPE_END);
    guest->host_seen++;
}

void guest_log(struct plugin_log *log, uint32_t level, const char *text, size_t len)
{
    struct guest *guest = (struct guest *)(void *)log;
    const struct wire_head head = {.kind = WIRE_LOG, .arg = level};

    guest_send(guest, &head, text, len < WIRE_LOG_MAX ? len : WIRE_LOG_MAX);
}

/* ---- stacks ---------------------------------------------------------------------------------- */

static struct guest_stack *stack_take(struct guest *guest)
{
    struct list_link *link = list_pop(&guest->stacks);
    struct guest_stack *stack;

    if (link) {
        guest->stack_count--;
        return container_of(link, struct guest_stack, link);
    }
    stack = mem_zero(1, sizeof(*stack));
    list_init(&stack->link);
    stack->map_size = GUEST_STACK_GUARD + STACK_SIZE;
    stack->map = mmap(NULL, stack->map_size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack->map == MAP_FAILED || mprotect(stack->map, GUEST_STACK_GUARD, PROT_NONE) < 0) {
        mem_free(stack);
        return NULL;
    }
    stack->fiber.stack = stack->map + GUEST_STACK_GUARD;
    stack->fiber.stack_size = STACK_SIZE;
    fiber_init(&stack->fiber);
    return stack;
}

static void stack_put(struct guest *guest, struct guest_stack *stack)
{
    if (guest->stack_count < GUEST_STACKS_KEPT) {
        list_prepend(&guest->stacks, &stack->link);
        guest->stack_count++;
        return;
    }
    fiber_clear(&stack->fiber);
    munmap(stack->map, stack->map_size);
    mem_free(stack);
}

/* ---- what was entered ------------------------------------------------------------------------ */

/* What a stream handed out last. */
struct chunk {
    struct list_link link;
    struct buf text;
};

static void turn_unref(struct guest_turn *turn)
{
    struct guest_turn *parent = turn->parent;
    struct list_link *link;

    if (--turn->refs > 0)
        return;
    while ((link = list_pop(&turn->tasks)))
        mem_free(container_of(link, struct troupe_task, link));
    while ((link = list_pop(&turn->chunks))) {
        struct chunk *chunk = container_of(link, struct chunk, link);

        buf_clear(&chunk->text);
        mem_free(chunk);
    }
    buf_clear(&turn->payload);
    buf_clear(&turn->out);
    arena_clear(&turn->arena);
    mem_free(turn);
    if (parent)
        turn_unref(parent);
}

static struct guest_turn *find(const struct guest *guest, uint32_t id)
{
    list_for_each (link, &guest->turns) {
        struct guest_turn *turn = container_of(link, struct guest_turn, link);

        if (turn->id == id)
            return turn;
    }
    return NULL;
}

static troupe_status run_function(struct guest_turn *turn, struct wire_in *in)
{
    const struct plugin_manifest *manifest = turn->guest->manifest;
    uint64_t index = wire_take_count(in, PLUGIN_MAX_FUNCTIONS);
    troupe_value values[PLUGIN_MAX_PARAMS];
    const struct plugin_function *function;
    struct error err;

    if (in->bad || index >= manifest->function_count)
        return TROUPE_DATA;
    function = &manifest->functions[index];
    for (size_t i = 0; i < function->param_count; i++)
        values[i] = wire_take_value(in);
    if (!wire_taken(in))
        return TROUPE_DATA;
    return plugin_function_invoke(function, &turn->pub, values, NULL, &err);
}

static troupe_status run_task(struct guest_turn *turn, struct wire_in *in)
{
    struct guest_turn *parent = find(turn->guest, (uint32_t)wire_take_int(in));
    int64_t token = wire_take_int(in);

    if (!parent || in->bad)
        return TROUPE_CANCELED;
    list_for_each (link, &parent->tasks) {
        const struct troupe_task *task = container_of(link, struct troupe_task, link);

        if (task->token != token)
            continue;
        turn->parent = parent;
        parent->refs++;
        return task->fn(&turn->pub, task->arg);
    }
    return TROUPE_CANCELED;
}

static troupe_status run(struct guest_turn *turn)
{
    struct guest *guest = turn->guest;
    const struct plugin_manifest *manifest = guest->manifest;
    struct plugin_agent *agent = guest->agent;
    struct wire_in in = {turn->payload.data, turn->payload.len, false};

    switch (turn->what) {
    case WIRE_ENTER_STAGE:
        return manifest->stage ? manifest->stage(&turn->pub) : TROUPE_UNSUPPORTED;
    case WIRE_ENTER_OBSERVER:
        return manifest->observe ? manifest->observe(&turn->pub) : TROUPE_UNSUPPORTED;
    case WIRE_ENTER_JOB:
        return manifest->job ? manifest->job(&turn->pub, wire_take_str(&in)) : TROUPE_UNSUPPORTED;
    case WIRE_ENTER_FUNCTION: return run_function(turn, &in);
    case WIRE_ENTER_TASK: return run_task(turn, &in);
    case WIRE_ENTER_SAVE:
        turn->out.max = WIRE_PAYLOAD_MAX;
        return manifest->state ? manifest->state->save(agent->state, &turn->out, wire_state_write)
                               : TROUPE_UNSUPPORTED;
    case WIRE_ENTER_LOAD: {
        uint32_t version = (uint32_t)wire_take_int(&in);

        return manifest->state ? manifest->state->load(agent->state, version, &in, wire_state_read)
                               : TROUPE_UNSUPPORTED;
    }
    case WIRE_ENTER_DESTROY:
        if (manifest->destroy)
            manifest->destroy(&agent->host, agent->state);
        plugin_leaks_log(agent); /* the host's allocator is not here: nobody else can tell */
        guest->ends = true;
        return TROUPE_OK;
    default: return TROUPE_UNSUPPORTED;
    }
}

static _Noreturn void turn_main(void *arg)
{
    struct guest_turn *turn = arg;
    struct guest *guest = turn->guest;

    fiber_entered(&guest->fiber);
    turn->status = run(turn);
    turn->ended = true;
    fiber_switch(&turn->stack->fiber, &guest->fiber, true, guest->exception_globals);
    abort(); /* nobody comes back to a stack that ended */
}

static void leave(struct guest *guest, struct guest_turn *turn)
{
    const struct wire_head head = {.kind = WIRE_RETURN, .id = turn->id, .status = turn->status};

    fiber_release(&turn->stack->fiber);
    stack_put(guest, turn->stack);
    turn->stack = NULL;
    list_remove(&turn->link);
    guest_send(guest, &head, buf_text(&turn->out), turn->out.len);
    turn_unref(turn);
}

/* Runs it until it ends or waits. */
static void resume(struct guest *guest, struct guest_turn *turn)
{
    guest->running = turn;
    if (guest->page)
        guest->page->running = turn->id;
    fiber_switch(&guest->fiber, &turn->stack->fiber, false, guest->exception_globals);
    if (guest->page)
        guest->page->running = 0;
    guest->running = NULL;
    if (turn->ended)
        leave(guest, turn);
}

static void enter(struct guest *guest, const struct wire_head *head)
{
    struct guest_turn *turn = mem_zero(1, sizeof(*turn));

    turn->pub.api = guest_turn_table();
    turn->guest = guest;
    turn->refs = 1;
    turn->id = head->id;
    turn->what = head->arg;
    turn->payload = guest->reader.payload;
    memset(&guest->reader.payload, 0, sizeof(guest->reader.payload));
    list_init(&turn->tasks);
    list_init(&turn->chunks);
    list_append(&guest->turns, &turn->link);
    turn->stack = stack_take(guest);
    if (!turn->stack) {
        const struct wire_head none = {.kind = WIRE_RETURN, .id = turn->id, .status = TROUPE_NOMEM};

        list_remove(&turn->link);
        turn_unref(turn);
        guest_send(guest, &none, NULL, 0);
        return;
    }
    fiber_make(&turn->stack->fiber, turn_main, turn);
    fiber_acquire(&turn->stack->fiber, "guest");
    resume(guest, turn);
}

/* ---- calls ----------------------------------------------------------------------------------- */

void guest_ask(struct guest_turn *turn, const struct wire_head *head, const struct buf *args)
{
    struct guest *guest = turn->guest;

    guest_send(guest, head, args ? args->data : NULL, args ? args->len : 0);
    fiber_switch(&turn->stack->fiber, &guest->fiber, false, guest->exception_globals);
}

troupe_status guest_call(struct guest_turn *turn, enum wire_do what, struct buf *args)
{
    struct wire_head head = {.kind = WIRE_CALL, .id = turn->id, .arg = (uint32_t)what};

    /* A handle that was kept beyond its end, or used by somebody else: there is no stack to leave. */
    if (turn->guest->running != turn) {
        if (args)
            buf_clear(args);
        turn->in = (struct wire_in){NULL, 0, true};
        turn->got = WIRE_REPLY;
        return TROUPE_ARGUMENT;
    }
    if (args && args->max == WIRE_TOO_LONG) {
        buf_clear(args);
        turn->in = (struct wire_in){NULL, 0, true};
        turn->got = WIRE_REPLY;
        return TROUPE_LIMIT;
    }
    head.sequence = ++turn->sequence;
    guest_ask(turn, &head, args);
    if (args)
        buf_clear(args);
    return turn->got_status;
}

troupe_str guest_keep(struct guest_turn *turn, troupe_str text)
{
    return (troupe_str){
        arena_strndup(&turn->arena, text.ptr ? text.ptr : "", text.ptr ? (size_t)text.len : 0),
        text.ptr ? text.len : 0};
}

troupe_str guest_take(struct guest_turn *turn)
{
    return guest_keep(turn, wire_take_str(&turn->in));
}

struct buf *guest_chunk(struct guest_turn *turn)
{
    struct chunk *chunk = mem_zero(1, sizeof(*chunk));

    list_append(&turn->chunks, &chunk->link);
    return &chunk->text;
}

troupe_str guest_take_chunk(struct guest_turn *turn, struct buf *chunk)
{
    troupe_str text = wire_take_str(&turn->in);

    buf_reset(chunk);
    buf_append(chunk, text.ptr, text.ptr ? (size_t)text.len : 0);
    return (troupe_str){buf_text(chunk), chunk->len};
}

troupe_status guest_setting(struct plugin_agent *agent, const char *key, troupe_value *ret)
{
    struct guest *guest = (struct guest *)(void *)agent->log;
    struct guest_turn *turn = guest->running;
    struct buf args = BUF_INIT;
    troupe_value value;
    troupe_status status;

    if (!turn || turn->what >= WIRE_ENTER_SAVE)
        return TROUPE_NOT_FOUND;
    wire_put_text(&args, key);
    status = guest_call(turn, WIRE_DO_CONFIG, &args);
    if (status != TROUPE_OK)
        return status;
    value = wire_take_value(&turn->in);
    if (turn->in.bad)
        return TROUPE_NOT_FOUND;
    if (value.type == TROUPE_TYPE_STRING || value.type == TROUPE_TYPE_LIST ||
        value.type == TROUPE_TYPE_URL || value.type == TROUPE_TYPE_PATH)
        value.u.s = guest_keep(turn, value.u.s);
    *ret = value;
    return TROUPE_OK;
}

/* ---- serving --------------------------------------------------------------------------------- */

/* Whether nothing was written into what a mapped file says is not written to: old objects have their
 * code changed when they are mapped. */
static bool is_clean(const struct dl_phdr_info *info)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        const ElfW(Dyn) *entry = (const void *)(info->dlpi_addr + part->p_vaddr);

        if (part->p_type != PT_DYNAMIC)
            continue;
        for (; entry->d_tag != DT_NULL; entry++)
            if (entry->d_tag == DT_TEXTREL ||
                (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL)))
                return false;
    }
    return true;
}

/* Code and constants are in the page cache anyhow, and most of them only the start needed: filters,
 * the request, the tables. They are not ours any more until they are used again. */
static int forget_code(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct iovec parts[8];
    size_t count = 0;

    (void)size;
    (void)arg;
    /* The table is in one of the parts: what was given back must not be read again. */
    for (int i = 0; i < info->dlpi_phnum && is_clean(info) && count < 8; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + part->p_vaddr, page = at & ~(uintptr_t)4095;

        if (part->p_type == PT_LOAD && !(part->p_flags & PF_W))
            parts[count++] = (struct iovec){(void *)page, part->p_memsz + (at - page)};
    }
    while (count-- > 0)
        (void)madvise(parts[count].iov_base, parts[count].iov_len, MADV_DONTNEED);
    return 0;
}

/* The stack of the thread below here: what was started on it is over, and it is not deep any more. */
static void forget_stack(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), top = here & ~(uintptr_t)4095;

    /* A page for the frames between here and the end of this one, and the red zone. */
    (void)madvise((void *)(top - 4096 - STACK_FORGOTTEN), STACK_FORGOTTEN, MADV_DONTNEED);
}

void guest_serve(struct guest *guest)
{
    const struct wire_head ready = {.kind = WIRE_READY, .status = TROUPE_OK};

    guest->frame = mmap(NULL, GUEST_FRAME, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (guest->frame == MAP_FAILED)
        _exit(70);
    list_init(&guest->turns);
    list_init(&guest->stacks);
    fiber_init_thread(&guest->fiber);
    /* Present where the plugin, or something it needs, is written in C++. */
    guest->exception_globals =
        (void *(*)(void))(uintptr_t)dlsym(guest->handle, "__cxa_get_globals");
    plugin_function_warm_up();
    malloc_trim(0);
    (void)dl_iterate_phdr(forget_code, NULL);
    forget_stack();
    guest_send(guest, &ready, NULL, 0);
    while (!guest->ends) {
        const struct wire_head *head = &guest->reader.head;
        struct guest_turn *turn;

        receive(guest);
        if (head->kind == WIRE_ENTER) {
            enter(guest, head);
            continue;
        }
        turn = find(guest, head->id);
        if (!turn || head->sequence != turn->sequence)
            continue;
        turn->got = head->kind;
        turn->got_status = head->status;
        turn->in =
            (struct wire_in){buf_text(&guest->reader.payload), guest->reader.payload.len, false};
        resume(guest, turn);
    }
}
