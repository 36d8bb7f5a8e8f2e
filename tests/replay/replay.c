/* SPDX-License-Identifier: MIT */
/* Plays one order against the machine of lib/order.h: a scenario says what happens (start, reply, error,
 * timer, done) and which action must follow. tests/replay/README describes the language. Exit 0: as written.
 */

#include "tests/replay/body.h"

#include "lib/http.h"
#include "lib/order.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_LINE_MAX 8192

struct replay {
    const char *dir;
    const char *file;
    unsigned line;
    struct acme_directory directory;
    struct strv names;
    char *resume;
    char preferred[200]; /* chain */
    bool replaces;
    int64_t now; /* milliseconds */
    struct order *order;
    enum order_state traced;
    struct order_action action;
    bool checked; /* the last action was expected */
    unsigned posts;
    unsigned new_orders;
};

static void die(const struct replay *r, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));

static void die(const struct replay *r, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s:%u: ", r->file, r->line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    exit(1);
}

/* Every transition must begin where the last one ended: nobody changes the state but the one mutator. */
static void on_trace(void *arg, enum order_state from, enum order_state to)
{
    struct replay *r = arg;

    if (from != r->traced)
        die(r, "traced from %s, but the last transition went to %s", order_state_to_str(from),
            order_state_to_str(r->traced));
    r->traced = to;
}

static const char *action_to_str(const struct replay *r)
{
    static const char *const kinds[] = {"save", "post", "wait", "present", "install", "succeed", "fail"};
    static const char *const posts[] = {"new-order", "fetch", "answer", "finalize"};
    static const char *const accounts[] = {
        [ORDER_ACCOUNT_FINE] = "",
        [ORDER_ACCOUNT_LOST] = " account-lost",
        [ORDER_ACCOUNT_IN_DOUBT] = " account-in-doubt",
        [ORDER_ACCOUNT_HELD] = " account-held",
    };
    static char text[3000];
    const struct order_action *a = &r->action;

    if (a->kind == ORDER_DO_POST)
        snprintf(text, sizeof text, "%s%s %s", posts[a->post], a->replaces ? "-replacing" : "", a->url);
    else if (a->kind == ORDER_DO_WAIT)
        snprintf(text, sizeof text, "wait %lld%s", (long long)(a->at_ms - r->now), a->again ? " again" : "");
    else if (a->kind == ORDER_DO_FAIL)
        snprintf(text, sizeof text, "fail %s%s%s%s: %s", err_class_to_str(a->error->class),
                 a->forget ? " forget" : "", a->discard_key ? " discard-key" : "", accounts[a->account],
                 a->error->text);
    else
        snprintf(text, sizeof text, "%s%s%s", kinds[a->kind], a->kind == ORDER_DO_SAVE ? " " : "",
                 a->kind == ORDER_DO_SUCCEED   ? accounts[a->account]
                 : a->kind != ORDER_DO_SAVE    ? ""
                 : order_url(r->order) == NULL ? "intent"
                                               : order_url(r->order));
    return text;
}

static void step(struct replay *r, struct order_event event)
{
    if (r->order == NULL) {
        r->order = order_new(&r->directory, &r->names, CHALLENGE_TYPE_HTTP_01, r->resume, on_trace, r);
        if (r->order == NULL)
            die(r, "out of memory");
        if (*r->preferred != '\0')
            order_prefer_chain(r->order, r->preferred);
        if (r->replaces)
            order_set_replaces(r->order);
    } else if (!r->checked) {
        die(r, "nothing was said about the action before this event: %s", action_to_str(r));
    }
    r->action = order_step(r->order, &event, r->now);
    r->checked = false;
    if (r->traced != order_state(r->order))
        die(r, "a transition to %s was not traced", order_state_to_str(order_state(r->order)));
    if (r->action.kind == ORDER_DO_POST)
        r->posts++;
    if (r->action.kind == ORDER_DO_POST && r->action.post == ORDER_POST_NEW_ORDER)
        r->new_orders++;
}

/* reply STATUS [resent] [link=U,V] [location=URL] [retry-after=SECONDS] [retry-date=SECONDS] BODY... */
static void play_reply(struct replay *r, const char *words)
{
    char word[400];
    char *location = NULL;
    struct strv alternates = {0};
    struct buf body;
    struct http_reply reply = {.status = atoi(body_word(&words, word, sizeof word)), .retry_after = -1};

    for (;;) {
        if (strncmp(words, "resent ", 7) == 0)
            reply.resent = *body_word(&words, word, sizeof word) != '\0';
        else if (strncmp(words, "location=", 9) == 0)
            location = body_url(body_word(&words, word, sizeof word) + 9);
        else if (strncmp(words, "retry-after=", 12) == 0)
            reply.retry_after = http_retry_after(body_word(&words, word, sizeof word) + 12, r->now / 1000);
        else if (strncmp(words, "link=", 5) == 0)
            body_links(&alternates, body_word(&words, word, sizeof word) + 5);
        else if (strncmp(words, "retry-date=", 11) == 0) {
            const char *end = strchr(words, ';');

            snprintf(word, sizeof word, "%.*s", (int)(end - words - 11), words + 11);
            reply.retry_after = http_retry_after(word, r->now / 1000);
            words = end + 1 + strspn(end + 1, " ");
        } else
            break;
    }
    buf_init(&body, 64 * 1024 * 1024);
    if (!body_build(&body, words, &r->names, r->now / 1000))
        die(r, "body not understood: %s", words);
    reply.location = location;
    reply.alternates = &alternates;
    reply.body = body.data != NULL ? body.data : "";
    reply.body_len = body.len;
    step(r, (struct order_event){.kind = ORDER_EV_REPLY, .reply = &reply});
    buf_clear(&body);
    strv_clear(&alternates);
    free(location);
}

/* error CLASS TEXT... */
static void play_error(struct replay *r, const char *words)
{
    char name[40];
    struct err e;
    enum err_class class;

    if (!err_class_from_str(body_word(&words, name, sizeof name), &class))
        die(r, "class %s is unknown", name);
    err_set(&e, class, "%s", words);
    step(r, (struct order_event){.kind = ORDER_EV_ERROR, .error = &e});
}

static void expect(struct replay *r, bool ok, const char *command, const char *words)
{
    if (r->order == NULL || !ok)
        die(r, "expected: %s %s\n  but the action was: %s", command, words,
            r->order == NULL ? "none" : action_to_str(r));
    r->checked = true;
}

static void expect_text(struct replay *r, const char *command, const char *words)
{
    expect(r, strncmp(action_to_str(r), command, strlen(command)) == 0, command, words);
}

static void expect_post(struct replay *r, const char *command, const char *words)
{
    char *url = body_url(words);
    char text[3000];

    snprintf(text, sizeof text, "%s %s", command, url);
    free(url);
    expect(r, strcmp(action_to_str(r), text) == 0, command, words);
}

/* present NAME=TOKEN ... : all of them, and no others */
static void expect_present(struct replay *r, const char *words)
{
    const char *rest = words;
    char word[400];
    char got[400];
    const struct acme_authorization *a;
    size_t i = 0;

    expect_text(r, "present", words);
    for (; *body_word(&rest, word, sizeof word) != '\0'; i++) {
        a = order_challenge(r->order, i);
        snprintf(got, sizeof got, "%s=%s", a != NULL ? a->identifier : "", a != NULL ? a->token : "");
        if (strcmp(got, word) != 0)
            die(r, "token %zu: expected %s, not %s", i, word, got);
    }
    if (order_challenge(r->order, i) != NULL)
        die(r, "more than %zu tokens", i);
}

/* fail CLASS [forget] [discard-key] [account-lost|-in-doubt|-held] [retry-at=SECONDS]: FRAGMENT */
static void expect_fail(struct replay *r, const char *words)
{
    const char *fragment = strstr(words, ": ");
    const char *at = strstr(words, " retry-at=");
    const char *end = at != NULL && at < fragment ? at : fragment;
    int64_t retry_at = at != NULL && at < fragment ? r->now / 1000 + atoll(at + 10) : 0;
    char head[200];

    if (fragment == NULL)
        die(r, "fail wants a text after ': '");
    snprintf(head, sizeof head, "fail %.*s: ", (int)(end - words), words);
    expect(r,
           strncmp(action_to_str(r), head, strlen(head)) == 0 &&
               strstr(r->action.error->text, fragment + 2) != NULL,
           "fail", words);
    if (r->action.error->retry_at != retry_at)
        die(r, "retry_at is %lld from now", (long long)(r->action.error->retry_at - r->now / 1000));
}

static void expect_number(struct replay *r, unsigned got, const char *what, const char *words)
{
    if (got != strtoul(words, NULL, 10))
        die(r, "expected %s %s, there were %u", what, words, got);
}

static void expect_describe(struct replay *r, const char *words)
{
    char text[400];

    order_describe(r->order, text, sizeof text);
    if (strcmp(text, words) != 0)
        die(r, "described as: %s", text);
}

static void set_names(struct replay *r, const char *words)
{
    char word[300];

    strv_clear(&r->names);
    while (*body_word(&words, word, sizeof word) != '\0')
        strv_add(&r->names, word);
}

/* The profiles that the CA offers, each described by one word. */
static void set_profiles(struct replay *r, const char *words)
{
    char word[100];

    while (*body_word(&words, word, sizeof word) != '\0') {
        strv_add(&r->directory.profiles, word);
        strv_add(&r->directory.profile_texts, "described");
    }
}

static void expect_replaces_refused(const struct replay *r, const char *words)
{
    const struct err *e = order_replaces_refused(r->order);

    if (strcmp(words, "no") == 0 ? e != NULL : e == NULL || strstr(e->text, words) == NULL)
        die(r, "what it replaces was refused with: %s", e != NULL ? e->text : "nothing");
}

static bool play_event(struct replay *r, const char *command, const char *words)
{
    if (strcmp(command, "start") == 0)
        step(r, (struct order_event){.kind = ORDER_EV_START});
    else if (strcmp(command, "done") == 0)
        step(r, (struct order_event){.kind = ORDER_EV_DONE});
    else if (strcmp(command, "reply") == 0)
        play_reply(r, words);
    else if (strcmp(command, "error") == 0)
        play_error(r, words);
    else if (strcmp(command, "timer") == 0) {
        if (*words == '\0')
            r->now = r->action.at_ms;
        else
            r->now += atoll(words);
        step(r, (struct order_event){.kind = ORDER_EV_TIMER});
    } else
        return false;
    return true;
}

/* install [FILE]: which chain it is */
static void expect_install(struct replay *r, const char *words)
{
    struct buf want;

    buf_init(&want, 1024 * 1024);
    if (*words != '\0' && !body_file(&want, words))
        die(r, "%s cannot be read", words);
    expect(r,
           r->action.kind == ORDER_DO_INSTALL && r->action.chain_len > 0 &&
               (want.len == 0 ||
                (want.len == r->action.chain_len && memcmp(want.data, r->action.chain, want.len) == 0)),
           "install", words);
    buf_clear(&want);
}

/* note TEXT: within what is said of the chain; without a text: nothing is */
static void expect_note(struct replay *r, const char *words)
{
    const char *note = order_chain_note(r->order);

    if (*words == '\0' ? note != NULL : note == NULL || strstr(note, words) == NULL)
        die(r, "the note is: %s", note != NULL ? note : "none");
}

static bool play_expectation(struct replay *r, const char *command, const char *words)
{
    char text[3000];

    if (strcmp(command, "save") == 0) {
        char *url = body_url(words);

        snprintf(text, sizeof text, "save %s", strcmp(words, "intent") == 0 ? words : url);
        free(url);
        expect(r, strcmp(action_to_str(r), text) == 0, command, words);
    } else if (strcmp(command, "new-order") == 0 || strcmp(command, "new-order-replacing") == 0 ||
               strcmp(command, "fetch") == 0 || strcmp(command, "answer") == 0 ||
               strcmp(command, "finalize") == 0)
        expect_post(r, command, words);
    else if (strcmp(command, "wait") == 0) {
        snprintf(text, sizeof text, "wait %s", words);
        expect(r, strcmp(action_to_str(r), text) == 0, command, words);
    } else if (strcmp(command, "present") == 0)
        expect_present(r, words);
    else if (strcmp(command, "install") == 0)
        expect_install(r, words);
    else if (strcmp(command, "succeed") == 0) {
        snprintf(text, sizeof text, "succeed%s%s", *words != '\0' ? " " : "", words);
        expect(r, strcmp(action_to_str(r), text) == 0, command, words);
    } else if (strcmp(command, "fail") == 0)
        expect_fail(r, words);
    else
        return false;
    return true;
}

static bool play_remark(struct replay *r, const char *command, const char *words)
{
    if (strcmp(command, "names") == 0)
        set_names(r, words);
    else if (strcmp(command, "replaces") == 0)
        r->replaces = true;
    else if (strcmp(command, "profiles") == 0)
        set_profiles(r, words);
    else if (strcmp(command, "replaces-refused") == 0)
        expect_replaces_refused(r, words);
    else if (strcmp(command, "prefer") == 0)
        snprintf(r->preferred, sizeof r->preferred, "%s", words);
    else if (strcmp(command, "note") == 0)
        expect_note(r, words);
    else if (strcmp(command, "resume") == 0)
        r->resume = body_url(words);
    else if (strcmp(command, "requests") == 0)
        expect_number(r, r->posts, command, words);
    else if (strcmp(command, "orders") == 0)
        expect_number(r, r->new_orders, command, words);
    else if (strcmp(command, "describe") == 0)
        expect_describe(r, words);
    else if (strcmp(command, "state") == 0) {
        if (strcmp(words, order_state_to_str(order_state(r->order))) != 0)
            die(r, "the state is %s", order_state_to_str(order_state(r->order)));
    } else if (strcmp(command, "restart") == 0) {
        /* killed here: what is known is what was saved */
        free(r->resume);
        r->resume = order_url(r->order) != NULL ? strdup(order_url(r->order)) : NULL;
        order_free(r->order);
        r->order = NULL;
        r->traced = ORDER_STATE_START;
    } else
        return false;
    return true;
}

static void play_file(struct replay *r, const char *path);

static void play_line(struct replay *r, const char *line)
{
    char command[40];
    char path[1000];
    const char *words = line;

    body_word(&words, command, sizeof command);
    if (strcmp(command, "use") == 0) {
        struct replay outer = *r;

        snprintf(path, sizeof path, "%s/%s.steps", r->dir, words);
        play_file(r, path);
        r->file = outer.file;
        r->line = outer.line;
    } else if (!play_event(r, command, words) && !play_expectation(r, command, words) &&
               !play_remark(r, command, words)) {
        die(r, "not understood: %s", line);
    }
}

/* repeat N ... end: one level */
static void play_file(struct replay *r, const char *path)
{
    FILE *f = fopen(path, "r");
    char line[SCRIPT_LINE_MAX];
    long loop_at = 0;
    unsigned loop_line = 0;
    unsigned long left = 0;

    r->file = path;
    r->line = 0;
    if (f == NULL)
        die(r, "cannot be read");
    while (fgets(line, sizeof line, f) != NULL) {
        r->line++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[strspn(line, " ")] == '\0')
            continue;
        if (strncmp(line, "repeat ", 7) == 0) {
            left = strtoul(line + 7, NULL, 10);
            loop_at = ftell(f);
            loop_line = r->line;
        } else if (strcmp(line, "end") == 0) {
            if (--left > 0) {
                fseek(f, loop_at, SEEK_SET);
                r->line = loop_line;
            }
        } else {
            play_line(r, line);
        }
    }
    fclose(f);
}

int main(int argc, char **argv)
{
    struct replay r = {
        .directory = {.url = (char[]){REPLAY_CA "directory"}, .new_order = (char[]){REPLAY_CA "new-order"}},
        .now = INT64_C(1794000000000), /* Fri, 06 Nov 2026 21:20:00 GMT */
    };
    const char *slash = argc == 2 ? strrchr(argv[1], '/') : NULL;
    char *dir;

    if (slash == NULL) {
        fprintf(stderr, "usage: replay DIRECTORY/SCENARIO.replay\n");
        return 2;
    }
    r.dir = dir = strndup(argv[1], (size_t)(slash - argv[1]));
    set_names(&r, "a.example.com");
    play_file(&r, argv[1]);
    if (r.order == NULL || !r.checked)
        die(&r, "the scenario ends without an expectation: %s", r.order == NULL ? "" : action_to_str(&r));
    order_free(r.order);
    strv_clear(&r.names);
    strv_clear(&r.directory.profiles);
    strv_clear(&r.directory.profile_texts);
    free(r.resume);
    free(dir);
    return 0;
}
