/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe-play [OPTION]… [DIR|FILE.so]: builds the plugin in DIR and plays its scripts against it, or
 * those that lie beside FILE.so. `troupe plugin test` starts it.
 */
#include "play.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "usage: troupe-play --troupe PROGRAM --libexec DIR [OPTION]... [DIR|FILE.so]\n"
    "  --sanitize   build a copy of DIR with sanitizers\n"
    "  --keep       leave the temporary folder\n"
    "  --quiet      only what fails\n";

struct job {
    struct play play;
    char plugin[PATH_MAX], agent[64], scripts[PATH_MAX];
    char copy[64]; /* where a sanitized build is made; "": none */
    bool sanitize, quiet;
};

static int fail(const char *what, const char *of, const char *remedy)
{
    (void)fprintf(stderr, "troupe: \"%s\" %s: %s\n", of, what, remedy);
    return EX_USAGE;
}

/* The one .so of a folder. */
static int find_plugin(struct job *job, const char *dir)
{
    char pattern[PATH_MAX];
    glob_t found;
    int code = EX_OK;

    (void)snprintf(pattern, sizeof(pattern), "%s/*.so", dir);
    if (glob(pattern, 0, NULL, &found) != 0)
        return fail("has no plugin", dir, "its makefile must leave NAME.so there");
    if (found.gl_pathc > 1)
        code = fail("has several plugins", dir, "name the file");
    else if (!realpath(found.gl_pathv[0], job->plugin))
        code = fail("cannot be found", found.gl_pathv[0], strerror(errno));
    globfree(&found);
    return code;
}

/* Of the file's name. */
static void name_agent(struct job *job)
{
    const char *slash = strrchr(job->plugin, '/');

    slash = slash ? slash + 1 : job->plugin;
    (void)snprintf(job->agent, sizeof(job->agent), "%.*s", (int)strcspn(slash, "."), slash);
}

/* An address sanitizer must be in the host from its start; a host without one gets plugins that trap. */
static bool host_has_sanitizer(const char *program)
{
    static const char name[] = "libasan.so";
    int fd = open(program, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void *image = MAP_FAILED;
    bool found = false;

    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
        image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (image != MAP_FAILED) {
        found = memmem(image, (size_t)st.st_size, name, sizeof(name) - 1) != NULL;
        (void)munmap(image, (size_t)st.st_size);
    }
    if (fd >= 0)
        (void)close(fd);
    return found;
}

static int build(struct job *job, const char *dir)
{
    const char *plain[] = {"make", "-s", "-C", dir, NULL};
    const char *copy[] = {"cp", "-R", dir, job->copy, NULL};
    const char *tmp = getenv("TMPDIR");
    char inside[80];
    const char *clean[] = {"make", "-s", "-C", inside, "clean", NULL};
    const char *checked[] = {"make", "-s", "-C", inside, "SANITIZE=address,undefined", NULL};
    bool full;

    if (!job->sanitize)
        return play_run(plain, NULL) == 0
                   ? EX_OK
                   : fail("cannot be built", dir, "see what make says above");
    full = host_has_sanitizer(job->play.troupe);
    if (!full)
        checked[4] = "SANITIZE=undefined -fsanitize-undefined-trap-on-error";
    if (!full && !job->quiet)
        (void)puts(
            "undefined behaviour ends the host; for memory, too, use a troupe that was configured "
            "with --enable-sanitizer=address");
    (void)snprintf(job->copy, sizeof(job->copy), "%s/troupe-play-XXXXXX",
                   tmp && strlen(tmp) < 40 ? tmp : "/tmp");
    if (!mkdtemp(job->copy))
        return fail("cannot be made", job->copy, strerror(errno));
    (void)snprintf(inside, sizeof(inside), "%s/plugin", job->copy);
    copy[3] = inside;
    if (play_run(copy, NULL) != 0 || play_run(clean, NULL) != 0 || play_run(checked, NULL) != 0)
        return fail("cannot be built with sanitizers", dir, "see what make says above");
    job->play.sanitized = true;
    return find_plugin(job, inside);
}

static int find(struct job *job, const char *target)
{
    struct stat st;
    char makefile[PATH_MAX];
    int code = EX_OK;

    if (stat(target, &st) < 0)
        return fail("is not there", target, "name a folder or a plugin's file");
    if (S_ISDIR(st.st_mode)) {
        (void)snprintf(job->scripts, sizeof(job->scripts), "%s", target);
        (void)snprintf(makefile, sizeof(makefile), "%s/Makefile", target);
        if (access(makefile, R_OK) == 0)
            code = build(job, target);
        else if (job->sanitize)
            code = fail("has no makefile", target, "--sanitize builds it anew");
        if (!code && !*job->plugin)
            code = find_plugin(job, target);
    } else if (job->sanitize) {
        code = fail("is built already", target, "name the folder with its makefile for --sanitize");
    } else if (!realpath(target, job->plugin)) {
        code = fail("cannot be found", target, strerror(errno));
    } else {
        const char *slash = strrchr(target, '/');

        (void)snprintf(job->scripts, sizeof(job->scripts), "%.*s",
                       slash ? (int)(slash - target) : 1, slash ? target : ".");
    }
    return code;
}

static int play_all(const struct job *job)
{
    char pattern[PATH_MAX + 8];
    glob_t found;
    size_t failed = 0;

    (void)snprintf(pattern, sizeof(pattern), "%s/*.test", job->scripts);
    if (glob(pattern, 0, NULL, &found) != 0)
        return fail("has no script", job->scripts, "write NAME.test; troupe(1) shows how");
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct play_script *script = calloc(1, sizeof(*script));
        bool good = script && play_script_read(script, found.gl_pathv[i]) &&
                    play_script_play(&job->play, script);

        failed += !good;
        if (!good || !job->quiet)
            (void)printf("%s %s, %zu steps\n", good ? "ok" : "FAILED", found.gl_pathv[i],
                         script ? script->count : 0);
        if (script)
            play_script_clear(script);
        free(script);
    }
    globfree(&found);
    return failed ? EXIT_FAILURE : EX_OK;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"troupe", required_argument, NULL, 't'},
                                            {"libexec", required_argument, NULL, 'l'},
                                            {"sanitize", no_argument, NULL, 's'},
                                            {"keep", no_argument, NULL, 'k'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    static struct job job; /* large; the program's whole state */
    int option, code;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 't': job.play.troupe = optarg; break;
        case 'l': job.play.libexec = optarg; break;
        case 's': job.sanitize = true; break;
        case 'k': job.play.keep = true; break;
        case 'q': job.quiet = true; break;
        case 'h': (void)fputs(usage, stdout); return EX_OK;
        default: (void)fputs(usage, stderr); return EX_USAGE;
        }
    }
    if (!job.play.troupe || !job.play.libexec || argc - optind > 1) {
        (void)fputs(usage, stderr);
        return EX_USAGE;
    }
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    code = find(&job, optind < argc ? argv[optind] : ".");
    if (!code) {
        name_agent(&job);
        job.play.plugin = job.plugin;
        job.play.agent = job.agent;
        code = play_all(&job);
    }
    if (job.copy[0])
        play_remove(job.copy);
    curl_global_cleanup();
    return code;
}
