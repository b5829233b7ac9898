/* SPDX-License-Identifier: Apache-2.0
 *
 * imagine - pictures of what members describe. The service llm.image paints and pays; the picture goes with
 * the answer of whoever asked, a member by /imagine or a model that talks with one by generate_image, and is kept for
 * a while to be shown again.
 */
#include "gallery.h"
#include "picture.h"

#define MODEL_MAX 200

TROUPE_EMBED(imagine_sql_001, "sql/001_images.sql");
TROUPE_EMBED(imagine_back_001, "sql/back/001_images.sql");

static troupe_status show(troupe_turn *turn, const struct picture *picture)
{
    troupe_str code, sentence;
    troupe_status status = picture_attach(turn, picture);

    if (status == TROUPE_UNSUPPORTED)
        return troupe_fail(turn, TROUPE_UNSUPPORTED, "imagine.nowhere",
                           "The picture is there, and nobody here can be shown it.");
    if (status < 0 && troupe_turn_status(turn) >= 0) {
        troupe_error(turn, &code, &sentence);
        return troupe_fail(turn, status, "imagine.attach",
                           "The picture is there and cannot be attached: %.*s", (int)sentence.len,
                           sentence.ptr);
    }
    return status;
}

static troupe_status paint(troupe_turn *turn, troupe_str prompt, troupe_str shape, troupe_str model)
{
    struct picture picture = {0};
    troupe_status status = picture_paint(turn, prompt, shape, model, &picture);

    if (status >= 0 && picture.data.len) {
        status = show(turn, &picture);
        if (status >= 0)
            gallery_keep(turn, &picture, troupe_config_int(troupe_turn_host(turn), "pictures", 0));
    }
    if (status < 0 || (status = troupe_turn_status(turn)) < 0)
        return status;
    return troupe_reply(turn, "-# %.*s", (int)prompt.len, prompt.ptr);
}

#define PAINTED                                                                                    \
    TROUPE_STRING(prompt, "What it shows", .min = 1, .max = PICTURE_PROMPT_MAX),                   \
        TROUPE_STRING(shape, "Its shape", .choices = "square|landscape|portrait",                  \
                      .def_text = "square")

TROUPE_FUNCTION(imagine, "Paints a picture of what you describe",
                TROUPE_SLASH | TROUPE_PAID | TROUPE_LIMIT_IMAGES, PAINTED)
static troupe_status imagine(troupe_turn *turn, troupe_str prompt, troupe_str shape)
{
    return paint(turn, prompt, shape, (troupe_str){"", 0});
}

/* The same by another name. */
TROUPE_SERVICE(generate, "generate-image", "Paints a picture of what you describe",
               TROUPE_SLASH | TROUPE_PAID | TROUPE_LIMIT_IMAGES, PAINTED)
static troupe_status generate(troupe_turn *turn, troupe_str prompt, troupe_str shape)
{
    return paint(turn, prompt, shape, (troupe_str){"", 0});
}

/* The same under the name that models know, with what they may want to say. */
TROUPE_FUNCTION(generate_image, "Paints a picture, which the member gets with the answer",
                TROUPE_TOOL | TROUPE_PAID | TROUPE_LIMIT_IMAGES, PAINTED,
                TROUPE_STRING(model, "The model that paints; empty: the one that is set up first",
                              .max = MODEL_MAX, .def_text = ""))
static troupe_status generate_image(troupe_turn *turn, troupe_str prompt, troupe_str shape,
                                    troupe_str model)
{
    return paint(turn, prompt, shape, model);
}

TROUPE_SERVICE(get_image, "get-image", "Shows one of your last pictures again, or lists them",
               TROUPE_SLASH,
               TROUPE_INT(number, "Which one, 1 is the last; nothing lists them", .min = 0,
                          .max = GALLERY_MOST, .def = 0))
static troupe_status get_image(troupe_turn *turn, int64_t number)
{
    struct picture picture = {0};
    troupe_str code, sentence;
    troupe_status status = number ? gallery_get(turn, number, &picture) : gallery_list(turn);

    if (status == TROUPE_NOT_FOUND)
        return troupe_reply(turn,
                            "I have no such picture of yours here (any more). /get-image lists "
                            "what there is.");
    if (status < 0 && troupe_turn_status(turn) >= 0) {
        troupe_error(turn, &code, &sentence);
        return troupe_fail(turn, status, "imagine.storage", "%.*s", (int)sentence.len,
                           sentence.ptr);
    }
    if (status < 0 || !number)
        return status;
    status = show(turn, &picture);
    return status < 0 ? status
                      : troupe_reply(turn, "-# %.*s", (int)picture.prompt.len, picture.prompt.ptr);
}

/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN("org.troupe.imagine", "1.1.0", "Pictures of what members describe",
              .needs = TROUPE_SQL " " TROUPE_BLOBS " " TROUPE_ATTACH,
              .capabilities = "call:llm.image sql blobs attach",
              .functions = TROUPE_LIST(imagine, generate, generate_image, get_image),
              .migrations = TROUPE_MIGRATIONS({1, 0, "images", imagine_sql_001, imagine_back_001}),
              .user_data = TROUPE_USER_DATA(TROUPE_USER_TABLE("generated_images",
                                                              "Pictures that I painted for you",
                                                              .age = "created_at",
                                                              .keep_days = GALLERY_DAYS)),
              .config = TROUPE_KEYS({"pictures", "Of a member in a server how many are kept",
                                     .type = TROUPE_TYPE_INT, .def = "20", .min = 0,
                                     .max = GALLERY_MOST}));
