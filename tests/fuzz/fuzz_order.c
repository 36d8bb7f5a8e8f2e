/* SPDX-License-Identifier: MIT */
/* A CA, a network and a clock gone mad against the order machine. Whatever they do: an intent is saved before
 * each newOrder, a further newOrder needs a lost reply, tokens are presented before they are answered, only
 * the CA is asked, and the machine either waits for a while or ends. */

#include "lib/b64.h"
#include "lib/order.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CA        "https://ca.test/"
#define URN       "urn:ietf:params:acme:error:"
#define STEPS_MAX 200000 /* more than half an hour of polls every second, in each of all rounds */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct play {
    const uint8_t *data;
    size_t size;
    int64_t now;
    struct order *order;
    enum order_state traced;
    struct order_action action;
    unsigned new_orders; /* not counting repetitions after badNonce */
    unsigned lost;       /* replies to newOrder */
    bool intent;
    bool presented;
    bool bad_nonce;
    bool replaces; /* newOrder says what it replaces */
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static unsigned take(struct play *p)
{
    if (p->size == 0)
        return 0;
    p->size--;
    return *p->data++;
}

static void on_trace(void *arg, enum order_state from, enum order_state to)
{
    struct play *p = arg;

    must(from == p->traced);
    p->traced = to;
}

static void check_present(const struct play *p)
{
    const struct acme_authorization *a;

    for (size_t i = 0; (a = order_challenge(p->order, i)) != NULL; i++)
        must(b64url_valid(a->token, ACME_TOKEN_MAX) && a->identifier != NULL);
}

static void check_post(struct play *p)
{
    bool refused = order_replaces_refused(p->order) != NULL;

    must(strncmp(p->action.url, CA, strlen(CA)) == 0);
    if (p->action.post == ORDER_POST_ANSWER)
        must(p->presented);
    if (p->action.post != ORDER_POST_NEW_ORDER || p->bad_nonce)
        return;
    must(p->intent || refused);
    must(p->action.replaces == (p->replaces && !refused));
    p->intent = false;
    p->new_orders++;
    must(p->new_orders <= 1 + p->lost + (refused ? 1 : 0));
}

static void check_action(struct play *p)
{
    char text[100];

    must(p->traced == order_state(p->order));
    order_describe(p->order, text, sizeof text);
    switch (p->action.kind) {
    case ORDER_DO_SAVE:
        p->intent = order_url(p->order) == NULL;
        break;
    case ORDER_DO_POST:
        check_post(p);
        break;
    case ORDER_DO_WAIT:
        must(p->action.at_ms > p->now && p->action.at_ms <= p->now + INT64_C(86400000));
        break;
    case ORDER_DO_PRESENT:
        check_present(p);
        p->presented = true;
        break;
    case ORDER_DO_INSTALL:
        must(p->action.chain_len > 0);
        break;
    case ORDER_DO_SUCCEED:
        must(order_state(p->order) == ORDER_STATE_DONE);
        break;
    case ORDER_DO_FAIL:
        must(order_state(p->order) == ORDER_STATE_FAILED && p->action.error->class != ERR_CLASS_NONE);
        break;
    }
}

static void step(struct play *p, const struct order_event *event)
{
    bool was_wait = p->action.kind == ORDER_DO_WAIT;

    p->action = order_step(p->order, event, p->now);
    p->bad_nonce = p->bad_nonce && (event->kind == ORDER_EV_REPLY || was_wait);
    check_action(p);
}

static void write_order(struct play *p, char *out, size_t size)
{
    static const char *const statuses[] = {"pending", "ready", "processing", "valid", "invalid", "odd"};
    unsigned bits = take(p);

    snprintf(
        out, size,
        "{\"status\":\"%s\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"%s\"},{\"type\":\"dns\",\"value\":"
        "\"b.test\"}],\"authorizations\":[\"" CA "1\",\"%s\"],\"finalize\":\"" CA "f\"%s%s}",
        statuses[bits % 6], (bits & 0x80) != 0 && (bits & 0x40) != 0 ? "evil.test" : "a.test",
        bits == 0x33 ? "https://evil.test/2" : CA "2", bits % 6 == 3 ? ",\"certificate\":\"" CA "c\"" : "",
        (bits & 0x20) != 0 ? ",\"error\":{\"type\":\"" URN "caa\"}" : "");
}

static void write_authorization(struct play *p, char *out, size_t size)
{
    static const char *const statuses[] = {"pending", "pending", "valid", "invalid", "expired"};
    static const char *const challenges[] = {"pending", "pending", "processing", "valid", "invalid"};
    unsigned bits = take(p);

    snprintf(out, size,
             "{\"status\":\"%s\",\"identifier\":{\"type\":\"dns\",\"value\":\"%s\"},\"challenges\":[{"
             "\"type\":\"%s\",\"url\":\"" CA "ch\",\"status\":\"%s\",\"token\":\"%s\"}]}",
             statuses[bits % 5], (bits & 0x80) != 0 ? "a.test" : "b.test",
             bits == 0x7f ? "dns-01" : "http-01", challenges[(bits >> 3) % 5], bits == 0x2a ? "../x" : "abc");
}

static void write_problem(struct play *p, char *out, size_t size)
{
    static const char *const types[] = {"badNonce",      "badNonce",       "malformed",
                                        "orderNotReady", "rateLimited",    "unauthorized",
                                        "badCSR",        "serverInternal", "accountDoesNotExist"};

    snprintf(out, size, "{\"type\":\"" URN "%s\",\"detail\":\"x\"}", types[take(p) % 9]);
    p->bad_nonce = strstr(out, "badNonce") != NULL;
}

static void give_reply(struct play *p)
{
    static const int statuses[] = {200, 201, 200, 200, 404, 429, 500, 503, 302, 403};
    static const int64_t delays[] = {-1, -1, 1, 5, 60, 3600, 86400, -1};
    char body[2000] = "";
    unsigned kind = take(p);
    char *others[] = {(char[]){CA "c2"}, (char[]){"https://evil.test/c"}};
    const struct strv alternates = {others, 2};
    struct http_reply reply = {
        .status = 200, .body = body, .retry_after = delays[take(p) % 8], .alternates = &alternates};

    p->bad_nonce = false;
    switch (kind % 8) {
    case 0:
    case 1:
    case 2:
        write_order(p, body, sizeof body);
        break;
    case 3:
    case 4:
        write_authorization(p, body, sizeof body);
        break;
    case 5:
        snprintf(body, sizeof body, "-----BEGIN CERTIFICATE-----\n");
        break;
    case 6:
        write_problem(p, body, sizeof body);
        reply.status = 400;
        break;
    default:
        reply.status = statuses[take(p) % 10];
    }
    reply.body_len = strlen(body);
    if (kind < 0xf0)
        reply.location = kind == 0x77 ? "https://evil.test/o" : CA "o";
    step(p, &(struct order_event){.kind = ORDER_EV_REPLY, .reply = &reply});
}

static void give_error(struct play *p)
{
    struct err e;

    if (p->action.kind == ORDER_DO_POST && p->action.post == ORDER_POST_NEW_ORDER)
        p->lost++;
    p->bad_nonce = false;
    err_set(&e, take(p) < 0xf0 ? ERR_CLASS_NETWORK : ERR_CLASS_INTERNAL, "lost");
    step(p, &(struct order_event){.kind = ORDER_EV_ERROR, .error = &e});
}

/* What the last action lets expect, mostly. */
static void give_event(struct play *p)
{
    unsigned chance = take(p);

    p->now += chance % 4;
    if (chance >= 0xfe) {
        step(p, &(struct order_event){.kind = (enum order_event_kind)(take(p) % 2)});
    } else if (p->action.kind == ORDER_DO_WAIT) {
        p->now = chance < 0xf0 ? p->action.at_ms : p->now - 100000;
        step(p, &(struct order_event){.kind = ORDER_EV_TIMER});
    } else if (chance >= 0xd0) {
        give_error(p);
    } else if (p->action.kind == ORDER_DO_POST) {
        give_reply(p);
    } else {
        step(p, &(struct order_event){.kind = ORDER_EV_DONE});
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acme_directory directory = {.url = (char[]){CA "dir"}, .new_order = (char[]){CA "new"}};
    char *list[] = {(char[]){"a.test"}, (char[]){"b.test"}};
    const struct strv names = {list, 2};
    struct play p = {.data = data, .size = size, .now = INT64_C(1794000000000)};
    unsigned steps = 0;
    unsigned first;

    first = take(&p);
    p.order =
        order_new(&directory, &names, CHALLENGE_TYPE_HTTP_01, first % 2 == 0 ? NULL : CA "old", on_trace, &p);
    if (p.order == NULL)
        return 0;
    p.replaces = first % 4 >= 2;
    if (p.replaces)
        order_set_replaces(p.order);
    if (take(&p) % 2 == 0)
        order_prefer_chain(p.order, "Root");
    step(&p, &(struct order_event){.kind = ORDER_EV_START});
    while (p.action.kind != ORDER_DO_SUCCEED && p.action.kind != ORDER_DO_FAIL) {
        must(steps++ < STEPS_MAX);
        give_event(&p);
    }
    step(&p, &(struct order_event){.kind = ORDER_EV_DONE});
    must(p.action.kind == ORDER_DO_SUCCEED || p.action.kind == ORDER_DO_FAIL);
    order_free(p.order);
    return 0;
}
