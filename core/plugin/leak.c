/* SPDX-License-Identifier: Apache-2.0
 *
 * A place is told as function and offset where the file has symbols, and always as the address in the
 * file and its build, from which addr2line makes a line.
 */
#include "plugin/leak.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

struct site {
    const void *at;
    uint64_t blocks, bytes;
};

struct sites {
    struct site items[PLUGIN_LEAK_SITES];
    size_t count;
    struct site other; /* what did not fit */
};

static void gather(const struct plugin_agent *agent, struct sites *sites)
{
    list_for_each (link, &agent->blocks) {
        const struct plugin_block *block = container_of(link, struct plugin_block, link);
        struct site *site = &sites->other;

        for (size_t i = 0; i < sites->count && site == &sites->other; i++)
            if (sites->items[i].at == block->site)
                site = &sites->items[i];
        if (site == &sites->other && sites->count < PLUGIN_LEAK_SITES) {
            site = &sites->items[sites->count++];
            site->at = block->site;
        }
        site->blocks++;
        site->bytes += block->size;
    }
}

static void print_place(const struct plugin_agent *agent, const void *at, struct buf *out)
{
    const struct plugin_image *image = agent->image;
    /* The address is that of what comes behind the call. */
    const char *call = (const char *)at - 1, *slash;
    uint64_t address;
    Dl_info info;

    if (!dladdr(call, &info)) {
        buf_puts(out, "a place that is gone");
        return;
    }
    address = (uint64_t)(call - (const char *)info.dli_fbase);
    slash = strrchr(info.dli_fname, '/');
    /* Plugins are mapped from a descriptor, and nothing else is (image.c). */
    if (!*agent->build_id || !text_starts(info.dli_fname, "/proc/")) {
        buf_printf(out, "0x%llx in %s", (unsigned long long)address,
                   slash ? slash + 1 : info.dli_fname);
        return;
    }
    if (image && agent->function_name)
        agent->function_name(image, address, out);
    buf_printf(out, "0x%llx in build %.12s", (unsigned long long)address, agent->build_id);
}

void plugin_leaks_print(const struct plugin_agent *agent, struct buf *out)
{
    struct sites sites = {0};

    if (!agent->block_count)
        return;
    buf_printf(out, "left %llu blocks of %llu bytes behind; they are freed for it\n",
               (unsigned long long)agent->block_count, (unsigned long long)agent->memory);
    gather(agent, &sites);
    for (size_t i = 0; i < sites.count; i++) {
        buf_printf(out, "of these %llu of %llu bytes from ",
                   (unsigned long long)sites.items[i].blocks,
                   (unsigned long long)sites.items[i].bytes);
        print_place(agent, sites.items[i].at, out);
        buf_putc(out, '\n');
    }
    if (sites.other.blocks)
        buf_printf(out, "and %llu of %llu bytes from other places\n",
                   (unsigned long long)sites.other.blocks, (unsigned long long)sites.other.bytes);
}

void plugin_leaks_log(const struct plugin_agent *agent)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    _cleanup_mem_ char *lines = NULL;
    char *rest = NULL;

    plugin_leaks_print(agent, &text);
    lines = mem_strdup(buf_text(&text));
    for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (agent->log)
            agent->log->write(agent->log, TROUPE_LOG_WARN, line, strlen(line));
        else
            log_warn(agent->owner, "%s", line);
    }
}
