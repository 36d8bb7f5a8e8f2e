/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/rig.h"

#include "daemon/engine/propagation.h"
#include "daemon/engine/zone.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* One DNS server on the loop, which is resolver and authority alike. */
struct fact {
    const char *name;
    enum dns_type type;
    const char *data; /* in wire format */
    size_t len;
};

#define NS_SERVER "\2ns\7example\0"

static struct {
    struct loop *loop;
    struct loop_io *io;
    int fd;
    uint16_t port;
    struct fact facts[16];
    size_t n;
    unsigned refuse; /* TXT: this many questions are refused */
    unsigned asked_txt;
    struct strv list; /* its address, as resolver_new() takes it */
} server;

static void fact(const char *name, enum dns_type type, const char *data, size_t len)
{
    server.facts[server.n++] = (struct fact){name, type, data, len};
}
#define FACT(name, type, data) fact(name, type, data, sizeof(data) - 1)

/* Reads the question's name as text; returns where its type stands. */
static size_t question(const uint8_t *m, char *name)
{
    size_t at = 12, len = 0;

    while (m[at] != 0) {
        if (len > 0)
            name[len++] = '.';
        memcpy(name + len, m + at + 1, m[at]);
        len += m[at];
        at += m[at] + 1U;
    }
    name[len] = '\0';
    return at + 1;
}

static size_t answer(uint8_t *m, const char *name, unsigned type, size_t end)
{
    unsigned n = 0;
    bool exists = false;

    for (size_t i = 0; i < server.n; i++) {
        const struct fact *f = &server.facts[i];

        exists = exists || strcmp(f->name, name) == 0;
        if (strcmp(f->name, name) != 0 || (f->type != type && f->type != DNS_TYPE_CNAME))
            continue;
        memcpy(m + end, (uint8_t[]){0xc0, 12, 0, (uint8_t)f->type, 0, 1, 0, 0, 0, 1, 0, (uint8_t)f->len}, 12);
        memcpy(m + end + 12, f->data, f->len);
        end += 12 + f->len;
        n++;
    }
    m[2] = 0x84;
    m[3] = exists ? 0 : DNS_RCODE_NX_NAME;
    memcpy(m + 6, (uint8_t[]){0, (uint8_t)n, 0, 0, 0, 0}, 6);
    return end;
}

static void on_datagram(void *arg, bool readable, bool writable)
{
    uint8_t m[2048];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t n = recvfrom(server.fd, m, sizeof m, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
    char name[256];
    size_t at, end;
    unsigned type;

    (void)arg;
    (void)readable;
    (void)writable;
    if (n < 17)
        return;
    at = question(m, name);
    type = m[at + 1];
    end = answer(m, name, type, at + 4);
    if (type == DNS_TYPE_TXT && ++server.asked_txt <= server.refuse) {
        m[3] = 5;
        m[7] = 0;
        end = at + 4;
    }
    (void)sendto(server.fd, m, end, 0, (struct sockaddr *)&from, size);
}

static int setup(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    char address[40];

    (void)state;
    memset(&server, 0, sizeof server);
    server.loop = loop_new();
    server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&a, &size), 0);
    server.port = ntohs(a.sin_port);
    server.io = loop_io_new(server.loop, server.fd, on_datagram, NULL);
    assert_true(loop_io_want(server.io, true, false));
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", server.port);
    assert_true(strv_add(&server.list, address));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_io_free(server.io);
    loop_free(server.loop);
    (void)close(server.fd);
    strv_clear(&server.list);
    return 0;
}

static struct {
    unsigned done;
    char target[256];
    char zone[256];
    struct err error;
} result;

static void on_found(void *arg, const char *target, const char *zone, const struct err *e)
{
    (void)arg;
    result.done++;
    result.error.class = ERR_CLASS_NONE;
    if (e != NULL)
        result.error = *e;
    (void)snprintf(result.target, sizeof result.target, "%s", target != NULL ? target : "");
    (void)snprintf(result.zone, sizeof result.zone, "%s", zone != NULL ? zone : "");
}

static void find(const char *name)
{
    struct err e;
    struct resolver *r = resolver_new(server.loop, &server.list, true, &e);
    struct zone_search *s;

    memset(&result, 0, sizeof result);
    assert_non_null(r);
    s = zone_search_start(r, name, on_found, NULL);
    assert_non_null(s);
    assert_int_equal(result.done, 0);
    rig_until(server.loop, &result.done, 1);
    resolver_free(r);
    zone_search_free(s);
}

#define SOA                                                                                                  \
    NS_SERVER "\0"                                                                                           \
              "\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1"

static void test_zones(void **state)
{
    (void)state;
    FACT("example", DNS_TYPE_SOA, SOA);
    FACT("alias.example", DNS_TYPE_CNAME, "\5there\7example\0");
    FACT("there.example", DNS_TYPE_A, "\1\2\3\4");
    FACT("round.example", DNS_TYPE_CNAME, "\5round\7example\0");
    FACT("odd.example", DNS_TYPE_CNAME, "\1*\7example\0");
    find("a.b.example"); /* nothing says where: upwards */
    assert_string_equal(result.target, "a.b.example");
    assert_string_equal(result.zone, "example");
    find("alias.example");
    assert_string_equal(result.target, "there.example");
    find("round.example");
    assert_non_null(strstr(result.error.text, "more than 8 CNAME records"));
    find("odd.example");
    assert_non_null(strstr(result.error.text, "no valid name"));
    find("a.test");
    assert_non_null(
        strstr(result.error.text, "where a.test lies in the DNS cannot be found: no zone has it"));
    assert_int_equal(result.error.class, ERR_CLASS_TRANSIENT);
}

static void on_done(void *arg, const struct err *e)
{
    on_found(arg, NULL, NULL, e);
}

static struct propagation *begin(int64_t patience_ms, const char *second)
{
    const struct propagation_spec spec = {.loop = server.loop,
                                          .resolvers = &server.list,
                                          .port = server.port,
                                          .patience_ms = patience_ms,
                                          .on_done = on_done};
    struct propagation *p = propagation_new(&spec);
    struct err e;

    memset(&result, 0, sizeof result);
    assert_non_null(p);
    assert_true(propagation_add(p, "_acme-challenge.a.example", "example", "one"));
    if (second != NULL)
        assert_true(propagation_add(p, "_acme-challenge.b.example", "example", second));
    assert_true(propagation_start(p, &e));
    return p;
}

static void complete(struct propagation *p)
{
    assert_int_equal(result.done, 0);
    rig_until(server.loop, &result.done, 1);
    propagation_free(p);
    rig_run(server.loop, 20);
    assert_int_equal(result.done, 1);
}

static void serve(void)
{
    FACT("example", DNS_TYPE_NS, NS_SERVER);
    FACT("ns.example", DNS_TYPE_A, "\177\0\0\1");
}

static void test_all_are_there(void **state)
{
    (void)state;
    serve();
    FACT("_acme-challenge.a.example", DNS_TYPE_TXT, "\5other");
    FACT("_acme-challenge.a.example", DNS_TYPE_TXT, "\3one");
    FACT("_acme-challenge.b.example", DNS_TYPE_TXT, "\3two");
    complete(begin(PROPAGATION_PATIENCE_MS, "two"));
    assert_int_equal(result.error.class, ERR_CLASS_NONE);
    assert_int_equal(server.asked_txt, 2);
}

static void test_one_comes_later(void **state)
{
    struct propagation *p;

    (void)state;
    serve();
    FACT("_acme-challenge.b.example", DNS_TYPE_TXT, "\3two");
    p = begin(PROPAGATION_PATIENCE_MS, "two");
    rig_until(server.loop, &server.asked_txt, 2);
    FACT("_acme-challenge.a.example", DNS_TYPE_TXT, "\3one");
    complete(p);
    assert_int_equal(result.error.class, ERR_CLASS_NONE);
    assert_int_equal(server.asked_txt, 4);
}

static void test_one_never_comes(void **state)
{
    (void)state;
    serve();
    complete(begin(0, NULL));
    assert_int_equal(result.error.class, ERR_CLASS_TRANSIENT);
    assert_non_null(strstr(result.error.text, "the CA was not told"));
    assert_non_null(
        strstr(result.error.text, "ns.example (127.0.0.1) has no TXT record at _acme-challenge.a.example"));
}

static void test_another_is_there(void **state)
{
    (void)state;
    serve();
    FACT("_acme-challenge.a.example", DNS_TYPE_TXT, "\4ones");
    complete(begin(0, NULL));
    assert_non_null(strstr(result.error.text, "ns.example (127.0.0.1) has other TXT records at"));
}

static void test_nobody_answers(void **state)
{
    (void)state;
    serve();
    server.refuse = 1000;
    complete(begin(0, NULL));
    assert_non_null(
        strstr(result.error.text,
               "no server of the zone example answers for _acme-challenge.a.example: ns.example"));
}

static void test_a_zone_without_servers(void **state)
{
    (void)state;
    FACT("example", DNS_TYPE_SOA, SOA);
    complete(begin(PROPAGATION_PATIENCE_MS, NULL));
    assert_non_null(strstr(result.error.text, "the servers of the zone example cannot be found"));
}

/* Freed at any time: nothing is called, nothing leaks. */
static void test_given_up(void **state)
{
    (void)state;
    serve();
    for (int ms = 0; ms < 20; ms += 4) {
        struct propagation *p = begin(PROPAGATION_PATIENCE_MS, NULL);

        rig_run(server.loop, ms);
        propagation_free(p);
        rig_run(server.loop, 5);
        assert_int_equal(result.done, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_zones, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_are_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_comes_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_never_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_zone_without_servers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_given_up, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
