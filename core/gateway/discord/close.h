/* SPDX-License-Identifier: Apache-2.0
 *
 * What a close code of the Discord gateway asks for (opcodes-and-status-codes.mdx, "Gateway Close
 * Event Codes", and gateway.mdx, "Resuming"). Any thread.
 */
#ifndef GATEWAY_DISCORD_CLOSE_H
#define GATEWAY_DISCORD_CLOSE_H

/* What we close a connection with that is to be resumed: 1000 and 1001 would end the session, and
 * the codes up to 4999 are free for applications (RFC 6455 7.4.2). */
#define DISCORD_CLOSE_RESUME 4900
/* What we close with when nobody goes on with the session. */
#define DISCORD_CLOSE_BYE 1000

enum discord_after {
    DISCORD_RESUME,       /* connect again and resume                                 */
    DISCORD_RESUME_LATER, /* the same after a pause: it was our doing, or is unknown  */
    DISCORD_NEW_SESSION,  /* connect again and identify                               */
    DISCORD_FATAL,        /* do not come back                                         */
};

struct discord_close {
    int code;
    enum discord_after after;
    const char *text; /* what it means; for DISCORD_FATAL a sentence with the remedy */
};

/* Never NULL: a code that is not in the table has a row with the code 0. */
const struct discord_close *discord_close_of(int code);

#endif
