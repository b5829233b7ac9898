/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the program's own parts are. A program that was not installed finds them around itself: the
 * directory of /proc/self/exe is a build directory when libtroupe.a lies in it; then plugins are
 * DIR/plugins/NAME/.libs/NAME.so, the runner is DIR/troupe-runner, and the files of etc/ are in the
 * source tree that DIR/Makefile names. One that was installed into another root (DESTDIR/usr/bin/troupe)
 * finds its parts in that root. No environment variable is looked at.
 */
#ifndef MAIN_PATHS_H
#define MAIN_PATHS_H

#include <stdbool.h>

struct paths {
    bool uninstalled;
    char *package_dir; /* NULL: the installed one          */
    char *runner;      /* NULL: the installed one          */
    char *sample;      /* troupe.ini for whoever has none  */
    char *prices;      /* NULL: the installed one          */
    char *libexec;     /* the directory of the servers to test against */
    char *templates;   /* the directory of sdk/template    */
};

void paths_init(struct paths *paths);
/* The same for the program file `exe`. */
void paths_init_for(struct paths *paths, const char *exe);
void paths_clear(struct paths *paths);

#endif
