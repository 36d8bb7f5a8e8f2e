/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

/* Memory runs out at the first, the second, ... the last allocation: of each parser, and of whole orders.
 * Nothing may crash, nothing may be left behind, and what is not a success must be an error with a text.
 * jansson's own allocations are left alone: see json_memory_guard(). */

#include "lib/account.h"
#include "lib/acme.h"
#include "lib/order.h"
#include "tests/unit/alloc_fail.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ORDER(status)                                                                                        \
    "{\"status\":\"" status "\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}],"                  \
    "\"authorizations\":[\"https://ca.test/1\"],"                                                            \
    "\"finalize\":\"https://ca.test/f\",\"certificate\":\"https://ca.test/c\",\"error\":{\"type\":\"x\"}}"
#define AUTHORIZATION                                                                                        \
    "{\"status\":\"pending\",\"identifier\":{\"type\":\"dns\",\"value\":\"a.test\"},\"challenges\":[{"       \
    "\"type\":\"http-01\","                                                                                  \
    "\"status\":\"pending\",\"token\":\"abc\",\"url\":\"https://ca.test/"                                    \
    "ch\",\"error\":{\"detail\":\"d\"}}]}"
#define DIRECTORY                                                                                            \
    "{\"newNonce\":\"https://ca.test/n\",\"newAccount\":\"https://ca.test/a\",\"newOrder\":\"https://"       \
    "ca.test/o\","                                                                                           \
    "\"meta\":{\"termsOfService\":\"https://ca.test/t\"}}"

static struct acme_directory directory = {.url = (char[]){"https://ca.test/"},
                                          .new_order = (char[]){"https://ca.test/o"}};
static char *one_name[] = {(char[]){"a.test"}};
static const struct strv names = {one_name, 1};

static struct http_reply reply_of(const char *body)
{
    return (struct http_reply){.status = 200,
                               .body = body,
                               .body_len = strlen(body),
                               .location = "https://ca.test/1",
                               .retry_after = -1};
}

static bool run_parsers(struct err *e)
{
    struct http_reply reply = reply_of(ORDER("valid"));
    struct acme_order o = {0};
    struct acme_authorization a = {0};
    struct acme_directory d = {0};
    enum acme_account_status status;
    char *url = NULL;
    bool ok = acme_order_parse(&o, &directory, &names, &reply, e);

    reply = reply_of(AUTHORIZATION);
    ok = ok && acme_authorization_parse(&a, &directory, CHALLENGE_TYPE_HTTP_01, &reply, e);
    reply = reply_of(DIRECTORY);
    ok = ok && acme_directory_parse(&d, "https://ca.test/", &reply, e);
    reply = reply_of("{\"status\":\"valid\"}");
    ok = ok && acme_account_parse(&directory, &reply, &status, &url, e);
    acme_order_clear(&o);
    acme_authorization_clear(&a);
    acme_directory_clear(&d);
    free(url);
    return ok;
}

static bool run_payloads(struct err *e)
{
    char *account = acme_payload_new_account("me@a.test", true, "{}");
    char *order = acme_payload_new_order(&names, "short", "a.b");
    char *finalize = acme_payload_finalize("MII");
    bool ok = account != NULL && order != NULL && finalize != NULL;

    free(account);
    free(order);
    free(finalize);
    return ok || err_nomem(e, "payloads");
}

/* The CA's answer to each request of an order for one name. */
static const char *answer_to(const struct order_action *action, unsigned fetches)
{
    switch (action->post) {
    case ORDER_POST_NEW_ORDER:
        return ORDER("pending");
    case ORDER_POST_ANSWER:
        return "{}";
    case ORDER_POST_FINALIZE:
        return ORDER("valid");
    case ORDER_POST_FETCH:
        break;
    }
    if (strcmp(action->url, "https://ca.test/c") == 0)
        return "-----BEGIN CERTIFICATE-----";
    /* the order and its authorization share a URL here: their turns tell them apart */
    return fetches == 1 ? AUTHORIZATION : ORDER("ready");
}

static bool run_order(struct err *e)
{
    struct order *o = order_new(&directory, &names, CHALLENGE_TYPE_HTTP_01, NULL, NULL, NULL);
    struct order_event event = {.kind = ORDER_EV_START};
    struct order_action action;
    struct http_reply reply;
    char *other = (char[]){"https://ca.test/c"}; /* another chain */
    const struct strv alternates = {&other, 1};
    int64_t now = 1794000000000;
    unsigned fetches = 0;
    bool ok;

    if (o == NULL)
        return err_nomem(e, "order");
    order_prefer_chain(o, "Root");
    for (;;) {
        action = order_step(o, &event, now);
        if (action.kind == ORDER_DO_SUCCEED || action.kind == ORDER_DO_FAIL)
            break;
        event = (struct order_event){.kind = ORDER_EV_DONE};
        if (action.kind == ORDER_DO_WAIT) {
            event.kind = ORDER_EV_TIMER;
            now = action.at_ms;
        } else if (action.kind == ORDER_DO_POST) {
            fetches += action.post == ORDER_POST_FETCH;
            reply = reply_of(answer_to(&action, fetches));
            reply.alternates = &alternates;
            event = (struct order_event){.kind = ORDER_EV_REPLY, .reply = &reply};
        }
    }
    ok = action.kind == ORDER_DO_SUCCEED;
    if (!ok)
        *e = *action.error;
    order_free(o);
    return ok;
}

static bool run_links(struct err *e)
{
    struct strv urls = {0};
    bool ok = http_link_alternates("<https://ca.test/1>;rel=alternate, <https://ca.test/2>;rel=\"alternate\"",
                                   &urls);

    strv_clear(&urls);
    return ok || err_nomem(e, "links");
}

static struct account_action account_reply(struct account *a, const char *body)
{
    struct http_reply reply = reply_of(body);

    return account_step(a, &(struct account_event){.kind = ACCOUNT_EV_REPLY, .reply = &reply}, 0);
}

static bool run_account(struct err *e)
{
    struct account *a = account_new("test", "https://ca.test/", true, "kid-1");
    struct account_action action;

    if (a == NULL)
        return err_nomem(e, "account");
    account_step(a, &(struct account_event){.kind = ACCOUNT_EV_START}, 0);
    action = account_reply(a, DIRECTORY);
    if (action.kind != ACCOUNT_DO_FAIL)
        action = account_step(
            a, &(struct account_event){.kind = ACCOUNT_EV_LOADED, .url = "https://ca.test/1"}, 0);
    if (action.kind != ACCOUNT_DO_FAIL)
        action = account_step(a, &(struct account_event){.kind = ACCOUNT_EV_LOST}, 0);
    if (action.kind != ACCOUNT_DO_FAIL)
        action = account_reply(a, "{\"status\":\"valid\"}");
    if (action.kind == ACCOUNT_DO_FAIL)
        *e = *action.error;
    account_free(a);
    return action.kind != ACCOUNT_DO_FAIL;
}

/* Once with one allocation failing, once with all from there on. Leaks are the sanitizer's to find. */
static void exhaust(bool (*run)(struct err *e), void (*fail_some)(size_t nth))
{
    struct err e = {0};
    size_t n = 0;
    bool failed;
    bool ok;

    assert_true(run(&e));
    do {
        err_clear(&e);
        fail_some(++n);
        ok = run(&e);
        failed = alloc_fail_end();
        if (failed && !ok)
            assert_true(e.class != ERR_CLASS_NONE && e.text[0] != '\0');
    } while (failed);
    assert_true(ok);
    assert_true(n > 1);
}

static void test_parsers(void **state)
{
    (void)state;
    exhaust(run_parsers, alloc_fail_at);
    exhaust(run_parsers, alloc_fail_from);
}

/* Writing JSON is all jansson's, and without its lexer it does fail cleanly. */
static void test_payloads(void **state)
{
    json_malloc_t their_malloc;
    json_free_t their_free;

    (void)state;
    json_get_alloc_funcs(&their_malloc, &their_free);
    json_set_alloc_funcs(malloc, free);
    exhaust(run_payloads, alloc_fail_at);
    exhaust(run_payloads, alloc_fail_from);
    json_set_alloc_funcs(their_malloc, their_free);
}

static void test_order(void **state)
{
    (void)state;
    exhaust(run_links, alloc_fail_at);
    exhaust(run_links, alloc_fail_from);
    exhaust(run_order, alloc_fail_at);
    exhaust(run_order, alloc_fail_from);
}

static void test_account(void **state)
{
    (void)state;
    exhaust(run_account, alloc_fail_at);
    exhaust(run_account, alloc_fail_from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parsers),
        cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_account),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
