/* SPDX-License-Identifier: MIT */
#include "ctl/commands.h"

#include "ctl/call.h"
#include "ctl/say.h"
#include "ctl/text.h"
#include "ctl/when.h"
#include "lib/ledger_rates.h"

#include <inttypes.h>
#include <string.h>

enum {
    CLOCK = 9, /* columns of the time and what sets it off on both sides */
    NAME_MAX_WIDTH = 32
};

struct plan {
    struct ctl *c;
    json_t *events;
    json_t *cas;
    json_int_t later;
    int name_width;
};

static const char *text_of(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));

    return s != NULL ? s : "";
}

static int64_t int_of(const json_t *j, const char *key)
{
    return json_integer_value(json_object_get(j, key));
}

static bool on_plan(void *arg, const json_t *parameters)
{
    struct plan *p = arg;
    json_t *events = json_object_get(parameters, "events");
    json_t *cas = json_object_get(parameters, "cas");

    if (json_is_array(events))
        (void)json_array_extend(p->events, events);
    if (json_is_array(cas))
        (void)json_array_extend(p->cas, cas);
    p->later += int_of(parameters, "later");
    return true;
}

static void measure(struct plan *p)
{
    const json_t *event;
    size_t i;

    json_array_foreach(p->events, i, event)
    {
        int width = text_width(text_of(event, "name"));

        if (width > p->name_width)
            p->name_width = width < NAME_MAX_WIDTH ? width : NAME_MAX_WIDTH;
    }
}

/* "renew: its time of renewal (due 2026-11-26 14:02:11 CET)": when the limits move it. */
static void describe(struct buf *out, const json_t *event)
{
    int64_t due = int_of(event, "due");
    char when[WHEN_MAX];

    (void)buf_addstr(out, text_of(event, "action"));
    if (*text_of(event, "reason") != '\0')
        (void)buf_addf(out, ": %s", text_of(event, "reason"));
    if (int_of(event, "at") > due + 60)
        (void)buf_addf(out, " (due %s)", when_date(when, due));
}

static void add_event(const struct plan *p, struct buf *out, const json_t *event, int64_t now)
{
    const struct term *t = &p->c->term;
    int64_t at = int_of(event, "at");
    char when[WHEN_MAX];
    struct buf text;
    int used;

    (void)buf_addf(out, "  %-5s  ", at > now ? when_minute(when, at) : "now");
    used = text_add_middle(out, text_of(event, "name"), p->name_width, t->utf8);
    text_add_blanks(out, p->name_width - used + 2);
    buf_init(&text, TEXT_MAX);
    describe(&text, event);
    if (!text.failed && t->tty)
        (void)text_add_cut(out, text.data, t->width - CLOCK - p->name_width - 2, t->utf8);
    else if (!text.failed)
        (void)buf_addstr(out, text.data);
    (void)buf_addch(out, '\n');
    buf_clear(&text);
}

static void add_events(const struct plan *p, struct buf *out, int64_t now)
{
    char day[WHEN_MAX] = "";
    char when[WHEN_MAX];
    const json_t *event;
    size_t i;

    json_array_foreach(p->events, i, event)
    {
        int64_t at = int_of(event, "at");

        if (strcmp(day, when_day(when, at > now ? at : now, now)) != 0) {
            (void)buf_addstr(out, i > 0 ? "\n" : "");
            term_add(&p->c->term, out, TERM_BOLD, when);
            (void)buf_addch(out, '\n');
            memcpy(day, when, sizeof day);
        }
        add_event(p, out, event, now);
    }
    if (json_array_size(p->events) == 0)
        (void)buf_addf(out, "Nothing will happen in the next %d day%s.\n", p->c->days,
                       p->c->days == 1 ? "" : "s");
    if (p->later > 0)
        (void)buf_addf(out, "%s%" JSON_INTEGER_FORMAT " certificate%s later.\n",
                       json_array_size(p->events) > 0 ? "\n" : "", p->later, p->later == 1 ? "" : "s");
}

/* "new certificates of example.com" */
static void add_subject(struct buf *out, const json_t *limit)
{
    static const struct {
        const char *limit;
        const char *subject;
    } subjects[] = {{"orders", "new orders"},
                    {"domain", "new certificates of "},
                    {"set", "certificates for the names "},
                    {"failures", "failed validations of "}};

    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
        if (strcmp(subjects[i].limit, text_of(limit, "limit")) == 0)
            (void)buf_addf(out, "%s%s", subjects[i].subject, text_of(limit, "of"));
}

static void add_limit(const struct plan *p, struct buf *out, const json_t *limit, int64_t now)
{
    int64_t window = int_of(limit, "window");
    int64_t room_at = int_of(limit, "room_at");
    char when[WHEN_MAX];
    char span[32];
    struct buf text;

    buf_init(&text, TEXT_MAX);
    ledger_window_to_str(window > 0 ? window : 1, span, sizeof span);
    (void)buf_addf(&text, "%" PRId64 " of %" PRId64 " ", int_of(limit, "left"), int_of(limit, "allowed"));
    add_subject(&text, limit);
    (void)buf_addf(&text, " in %s left", span);
    if (room_at > now)
        (void)buf_addf(&text, "; the next %s", when_both(when, room_at, now));
    (void)buf_addstr(out, "  ");
    if (!text.failed)
        text_add_wrapped(out, text.data, 2, 4, p->c->term.tty ? p->c->term.width : INT16_MAX);
    buf_clear(&text);
}

static void add_ca(const struct plan *p, struct buf *out, const json_t *ca, int64_t now)
{
    const json_t *limits = json_object_get(ca, "limits");
    int64_t hidden = int_of(ca, "limits_in_use") - (int64_t)json_array_size(limits);
    int64_t pace = int_of(ca, "pace_ms");
    const json_t *limit;
    bool orders = false;
    size_t i;

    (void)buf_addch(out, '\n');
    term_add(&p->c->term, out, TERM_BOLD, "CA ");
    term_add(&p->c->term, out, TERM_BOLD, text_of(ca, "name"));
    (void)buf_addf(out, ": %s\n", text_of(ca, "state"));
    json_array_foreach(limits, i, limit)
    {
        orders = orders || strcmp(text_of(limit, "limit"), "orders") == 0;
        add_limit(p, out, limit, now);
    }
    hidden += orders ? 1 : 0;
    if (hidden > 0)
        (void)buf_addf(out, "  %" PRId64 " more limits leave more\n", hidden);
    if (!orders && pace > 0)
        (void)buf_addf(out, "  its limit on new orders is not known; it takes about one in %" PRId64 " s\n",
                       (pace + 999) / 1000);
    else if (!orders)
        (void)buf_addstr(out, "  no limit on new orders is known\n");
}

static void print(struct plan *p)
{
    int64_t now = p->c->now();
    const json_t *ca;
    struct buf out;
    size_t i;

    measure(p);
    buf_init(&out, TEXT_MAX);
    add_events(p, &out, now);
    json_array_foreach(p->cas, i, ca)
    {
        add_ca(p, &out, ca, now);
    }
    say_buf(p->c, &out);
    buf_clear(&out);
}

enum ctl_exit command_plan(struct ctl *c)
{
    struct plan p = {.c = c, .events = json_array(), .cas = json_array()};
    json_t *parameters = call_names(c);
    enum ctl_exit status;

    (void)json_object_set_new(parameters, "days", json_integer(c->days));
    status = call_run(c, "org.acmed.Control.Plan", parameters, true, on_plan, &p);
    if (status == CTL_DONE && c->json) {
        json_t *whole = json_pack("{sO sO sI}", "events", p.events, "cas", p.cas, "later", p.later);

        say_json(c, whole, true);
        json_decref(whole);
    } else if (status == CTL_DONE) {
        print(&p);
    }
    json_decref(p.events);
    json_decref(p.cas);
    return status;
}
