/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and directories: who may read and write them, and whether there is room.
 */
#include "base/mem.h"
#include "main/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#define ROOM_WARN ((uint64_t)500 << 20)
#define ROOM_FAIL ((uint64_t)20 << 20)

/* Who may write it may make the bot run any command. */
static void check_file(struct doctor *doctor)
{
    struct stat info;
    _cleanup_mem_ char *remedy = NULL;

    if (!doctor->path || stat(doctor->path, &info) < 0)
        return; /* told with the configuration */
    remedy = mem_printf("run chmod go-w %s", doctor->path);
    if (info.st_mode & (S_IWGRP | S_IWOTH))
        doctor_say(doctor, DOCTOR_FAIL, "modes", remedy, "others may write the configuration");
    else if (info.st_uid != geteuid() && info.st_uid != 0)
        doctor_say(doctor, DOCTOR_WARN, "modes", NULL,
                   "the configuration belongs to user %" PRIu64
                   ", who may change what the bot does",
                   (uint64_t)info.st_uid);
    else
        doctor_say(doctor, DOCTOR_OK, "modes", NULL, "only its owner may write the configuration");
}

/* The directory, or where it is going to be made. */
static char *nearest(const char *path)
{
    char *part = mem_strdup(path);

    for (char *slash; access(part, F_OK) < 0 && (slash = strrchr(part, '/'));)
        part[slash == part ? 1 : slash - part] = '\0';
    return part;
}

static void check_data(struct doctor *doctor, const char *data)
{
    _cleanup_mem_ char *place = nearest(data);
    struct stat info;

    if (access(place, W_OK | X_OK) < 0)
        doctor_say(doctor, DOCTOR_FAIL, "data",
                   "change its owner or mode, or set data in [troupe] to another one",
                   "%s cannot be written: %s", place, strerror(errno));
    else if (strcmp(place, data) != 0)
        doctor_say(doctor, DOCTOR_OK, "data", NULL, "%s will be made at the first start", data);
    else if (stat(data, &info) == 0 && !S_ISDIR(info.st_mode))
        doctor_say(doctor, DOCTOR_FAIL, "data", "set data in [troupe] to another one",
                   "%s is no directory", data);
    else if (stat(data, &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)))
        doctor_say(doctor, DOCTOR_WARN, "data", "run chmod 700 on it",
                   "others may look into %s, where members' texts are", data);
    else
        doctor_say(doctor, DOCTOR_OK, "data", NULL, "%s can be written, by its owner alone", data);
}

static void check_room(struct doctor *doctor, const char *data)
{
    _cleanup_mem_ char *place = nearest(data);
    struct statvfs room;
    char text[32];
    uint64_t bytes;

    if (statvfs(place, &room) < 0) {
        doctor_say(doctor, DOCTOR_WARN, "room", NULL, "%s: %s", place, strerror(errno));
        return;
    }
    bytes = (uint64_t)room.f_bavail * room.f_frsize;
    snprintf(text, sizeof(text), "%" PRIu64 " MB", bytes >> 20);
    doctor_say(doctor,
               bytes < ROOM_FAIL   ? DOCTOR_FAIL
               : bytes < ROOM_WARN ? DOCTOR_WARN
                                   : DOCTOR_OK,
               "room", bytes < ROOM_WARN ? "free some on the disk of the data directory" : NULL,
               "%s are free for data", text);
}

static void check_socket(struct doctor *doctor, const char *path)
{
    struct sockaddr_un address;

    if (strlen(path) >= sizeof(address.sun_path))
        doctor_say(doctor, DOCTOR_FAIL, "control socket",
                   "set control_socket in [troupe] to a shorter one",
                   "%s is longer than the system takes, which is %zu bytes", path,
                   sizeof(address.sun_path) - 1);
}

void doctor_files(struct doctor *doctor)
{
    const char *data = config_str(config_section(doctor->config, "troupe", NULL), "data");
    _cleanup_mem_ char *socket = setup_socket(&doctor->setup);

    check_file(doctor);
    if (data) {
        check_data(doctor, data);
        check_room(doctor, data);
    }
    check_socket(doctor, socket);
}
