/* SPDX-License-Identifier: Apache-2.0
 *
 * A small host, built against the headers of a draft: host_stub PLUGIN.so loads the plugin, creates an
 * agent, calls its functions and its stage, and prints what they reply, a line each. Its tables end where
 * a page does and the next page cannot be read: a plugin that takes a member for granted that the draft
 * does not have dies here.
 */
#include <troupe/troupe.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A copy of `size` bytes that ends at the end of readable memory. */
static void *at_the_edge(const void *data, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (size + page - 1) / page * page;
    char *map =
        (char *)mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (map == MAP_FAILED || mprotect(map + room, page, PROT_NONE) < 0) {
        perror("host_stub");
        exit(2);
    }
    return memcpy(map + room - size, data, size);
}

/* ---- outside a turn ---------------------------------------------------------------------------- */

static troupe_host host;

static const void *no_extension(troupe_host *self, const char *id)
{
    (void)self;
    (void)id;
    return NULL;
}

static const char *agent_name(troupe_host *self)
{
    (void)self;
    return "stub";
}

static void log_line(troupe_host *self, uint32_t level, const char *text, uint64_t len)
{
    (void)self;
    (void)level;
    printf("log: %.*s\n", (int)len, text);
}

static void *host_alloc(troupe_host *self, uint64_t size)
{
    (void)self;
    return calloc(1, (size_t)size);
}

static void host_free(troupe_host *self, void *block)
{
    (void)self;
    free(block);
}

static troupe_status config(troupe_host *self, const char *key, troupe_value *ret)
{
    (void)self;
    if (strcmp(key, "word") != 0)
        return TROUPE_ARGUMENT;
    ret->type = TROUPE_TYPE_STRING;
    ret->u.s = (troupe_str){"salve", 5};
    return TROUPE_OK;
}

static const troupe_host_table host_table = {.size = sizeof(troupe_host_table),
                                             .abi_minor = TROUPE_ABI_MINOR,
                                             .get_extension = no_extension,
                                             .agent = agent_name,
                                             .log = log_line,
                                             .alloc = host_alloc,
                                             .free = host_free,
                                             .config = config};

/* ---- a turn ------------------------------------------------------------------------------------ */

static const troupe_message *message;

#ifdef TROUPE_SCHEDULE
static troupe_status look(troupe_turn *turn, troupe_str text, troupe_str zone, uint32_t find,
                          troupe_when *ret)
{
    (void)turn;
    (void)zone;
    (void)find;
    *ret = (troupe_when){.size = sizeof(*ret), .next_ms = 1200000, .text = text, .local = text};
    return TROUPE_OK;
}

static const troupe_schedule_v1 schedule_table = {.size = sizeof(schedule_table), .look = look};
#endif

static const void *turn_extension(troupe_turn *turn, const char *id)
{
    (void)turn;
#ifdef TROUPE_SCHEDULE
    if (!strcmp(id, TROUPE_SCHEDULE))
        return at_the_edge(&schedule_table, sizeof(schedule_table));
#endif
    (void)id;
    return NULL;
}

static troupe_host *turn_host(troupe_turn *turn)
{
    (void)turn;
    return &host;
}

static const troupe_message *turn_message(troupe_turn *turn)
{
    (void)turn;
    return message;
}

static void *turn_alloc(troupe_turn *turn, uint64_t size)
{
    (void)turn;
    (void)size;
    return NULL;
}

static troupe_status reply(troupe_turn *turn, const char *text, uint64_t len)
{
    (void)turn;
    printf("reply: %.*s\n", (int)len, text);
    return TROUPE_OK;
}

static troupe_status fail(troupe_turn *turn, troupe_status status, const char *code,
                          const char *sentence, uint64_t len)
{
    (void)turn;
    printf("failed: %s %.*s\n", code, (int)len, sentence);
    return status;
}

#if TROUPE_ABI_MINOR >= 1
static troupe_status spawn(troupe_turn *turn, troupe_task_fn fn, void *arg, troupe_task **ret)
{
    *ret = NULL;
    return fn(turn, arg);
}

static troupe_status join(troupe_turn *turn, troupe_task *task)
{
    (void)turn;
    (void)task;
    return TROUPE_OK;
}

static troupe_status batch(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_OK;
}
#endif

static const troupe_turn_table turn_table = {.size = sizeof(troupe_turn_table),
                                             .abi_minor = TROUPE_ABI_MINOR,
                                             .get_extension = turn_extension,
                                             .host = turn_host,
                                             .message = turn_message,
                                             .alloc = turn_alloc,
                                             .reply = reply,
                                             .fail = fail,
#if TROUPE_ABI_MINOR >= 1
                                             .spawn = spawn,
                                             .join = join,
                                             .batch_begin = batch,
                                             .batch_commit = batch
#endif
};

/* ---- the plugin -------------------------------------------------------------------------------- */

typedef const troupe_function *function_ref;

static const troupe_function *find(const troupe_plugin *plugin, const char *name)
{
    for (uint32_t i = 0; i < plugin->functions.count; i++) {
        const troupe_function *function = *TROUPE_AT(plugin->functions, function_ref, i);

        if (!strcmp(function->name, name))
            return function;
    }
    printf("no function \"%s\"\n", name);
    exit(1);
}

/* By the declared types: a string and an integer. */
static void call_greet(const troupe_function *greet, troupe_turn *turn)
{
    const troupe_param *name = TROUPE_AT(greet->params, troupe_param, 0),
                       *times = TROUPE_AT(greet->params, troupe_param, 1);
    troupe_status (*fn)(troupe_turn *, troupe_str, int64_t) =
        (troupe_status(*)(troupe_turn *, troupe_str, int64_t))greet->fn;

    printf("greet: %u parameters, %s of type %u to %g, %s of type %u from %g to %g by default %g\n",
           greet->params.count, name->name, name->type, name->max, times->name, times->type,
           times->min, times->max, times->def);
    fn(turn, (troupe_str){"Ada", 3}, 2);
}

int main(int argc, char **argv)
{
    void *image = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    const troupe_plugin *(*entry)(void) =
        image ? (const troupe_plugin *(*)(void))dlsym(image, TROUPE_ENTRY_SYMBOL) : NULL;
    const troupe_plugin *plugin = entry ? entry() : NULL;
    troupe_message heard = {.size = sizeof(heard), .content = {"hello", 5}};
    troupe_turn turn;
    void *state = NULL;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!plugin) {
        printf("%s\n", image ? "no table" : dlerror());
        return 1;
    }
    host.api = (const troupe_host_table *)at_the_edge(&host_table, sizeof(host_table));
    turn.api = (const troupe_turn_table *)at_the_edge(&turn_table, sizeof(turn_table));
    message = (const troupe_message *)at_the_edge(&heard, sizeof(heard));
    printf("plugin %s, its minor %u, this host's %u\n", plugin->id, plugin->abi_minor,
           TROUPE_ABI_MINOR);
    printf("create: %d\n", plugin->create(&host, &state));
    call_greet(find(plugin, "greet"), &turn);
    ((troupe_status(*)(troupe_turn *))find(plugin, "calls")->fn)(&turn);
    printf("stage: %d\n", plugin->stage(&turn));
    if (plugin->destroy)
        plugin->destroy(&host, state);
    dlclose(image);
    return 0;
}
