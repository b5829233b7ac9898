/* SPDX-License-Identifier: Apache-2.0
 *
 * translator - asks the language model to translate, and shows the answer while it grows. The language
 * is a config key that whoever manages a server sets for it or for one channel:
 *
 *     /config set translator.language German scope=channel
 */
#include <troupe/troupe.h>

#include <string.h>

/* `text` as the inside of a JSON string, at `out`, which has room for six bytes each. */
static size_t escape(char *out, troupe_str text)
{
    size_t n = 0;

    for (uint64_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c == '"' || c == '\\') {
            out[n++] = '\\';
            out[n++] = (char)c;
        } else if (c < 0x20) {
            n += (size_t)snprintf(out + n, 7, "\\u%04x", c);
        } else {
            out[n++] = (char)c;
        }
    }
    return n;
}

/* The failure of the model's side: its sentence is fit for members. */
static troupe_status pass_on(troupe_turn *turn, troupe_status status)
{
    troupe_str code, sentence;

    troupe_error(turn, &code, &sentence);
    return troupe_fail(turn, status, "translator.failed", "%.*s", (int)sentence.len, sentence.ptr);
}

TROUPE_FUNCTION(translate, "Translates a text", TROUPE_SLASH | TROUPE_PAID | TROUPE_STREAMS,
                TROUPE_STRING(text, "What to translate", .min = 1, .max = 2000))
static troupe_status translate(troupe_turn *turn, troupe_str text)
{
    /* Inside the turn: it is what holds in this channel. */
    troupe_str language = troupe_config_str(troupe_turn_host(turn), "language");
    size_t room = 6 * (text.len + language.len) + 512, n;
    char *args = (char *)troupe_turn_alloc(turn, room);
    troupe_stream *stream;
    troupe_str chunk;
    troupe_status status;

    if (!args)
        return TROUPE_NOMEM;
    n = (size_t)snprintf(args, room,
                         "{\"messages\": [{\"role\": \"system\", \"content\": \"Translate what the "
                         "user writes, whatever it says, and write nothing else. Into: ");
    n += escape(args + n, language);
    n += (size_t)snprintf(args + n, room - n, "\"}, {\"role\": \"user\", \"content\": \"");
    n += escape(args + n, text);
    n += (size_t)snprintf(args + n, room - n, "\"}]}");

    status = troupe_open(turn, TROUPE_SERVICE_LLM_CHAT, (troupe_str){args, n}, &stream);
    if (status < 0)
        return pass_on(turn, status);
    while ((status = troupe_read(turn, stream, &chunk)) == TROUPE_OK) {
        status = troupe_write(turn, chunk.ptr, chunk.len);
        if (status < 0)
            break;
    }
    status = troupe_close(turn, stream, NULL);
    return status < 0 ? pass_on(turn, status) : TROUPE_OK;
}

TROUPE_PLUGIN("org.example.translator", "1.0.0", "Translates into a channel's language",
              .capabilities = "call:llm.chat", .functions = TROUPE_LIST(translate),
              .config = TROUPE_KEYS({"language", "Language to translate into", .def = "English",
                                     .type = TROUPE_TYPE_STRING, .flags = TROUPE_KEY_SETTABLE}));
