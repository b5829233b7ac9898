/* SPDX-License-Identifier: Apache-2.0
 *
 * What the machine lets a process have.
 */
#include "main/doctor.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAPS_FOR_THE_REST 5000 /* as core/loop/stack.c keeps them */
#define FILES_MIN         1024

static void check_maps(struct doctor *doctor)
{
    int64_t coroutines = config_int(config_section(doctor->config, "loop", NULL), "max_coroutines");
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
    int64_t maps = 0;

    if (file) {
        if (fscanf(file, "%" SCNi64, &maps) != 1)
            maps = 0;
        (void)fclose(file);
    }
    if (!maps)
        return;
    if (maps < 2 * coroutines + MAPS_FOR_THE_REST)
        doctor_say(doctor, DOCTOR_WARN, "vm.max_map_count",
                   "raise it with sysctl, or lower max_coroutines in [loop]",
                   "%" PRIi64 " may be too few for %" PRIi64 " coroutines, where the kernel has no "
                   "guards without mappings",
                   maps, coroutines);
    else
        doctor_say(doctor, DOCTOR_OK, "vm.max_map_count", NULL, "%" PRIi64 " are enough", maps);
}

static void check_files(struct doctor *doctor)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < FILES_MIN)
        doctor_say(doctor, DOCTOR_WARN, "open files",
                   "raise it: LimitNOFILE= in the unit, or ulimit -n 1024",
                   "%" PRIu64 " are few for connections, files and plugins",
                   (uint64_t)limit.rlim_cur);
    else
        doctor_say(doctor, DOCTOR_OK, "open files", NULL, "the limit is high enough");
}

static void check_user(struct doctor *doctor)
{
    if (geteuid() == 0)
        doctor_say(doctor, DOCTOR_WARN, "user", "run the host as a user of its own",
                   "this is root, who may do more than a bot needs");
}

void doctor_system(struct doctor *doctor)
{
    check_maps(doctor);
    check_files(doctor);
    check_user(doctor);
}
