/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AGREED "[acmed]\nagree_terms = yes\n"

static struct config *parse(const char *text, struct config_messages *m)
{
    struct config_file file = {"t.conf", text, strlen(text)};

    *m = (struct config_messages){0};
    return config_parse(&file, 1, NULL, m);
}

static void print_messages(const struct config_messages *m)
{
    for (size_t i = 0; i < m->n; i++)
        print_message("%s:%u: %s\n", m->v[i].file, m->v[i].line, m->v[i].text);
}

static struct config *parse_good(const char *text)
{
    struct config_messages m;
    struct config *c = parse(text, &m);

    if (c == NULL)
        print_messages(&m);
    assert_non_null(c);
    assert_int_equal(m.errors, 0);
    config_messages_clear(&m);
    return c;
}

static void test_short_configuration(void **state)
{
    struct config *c = parse_good("[acmed]\n"
                                  "contact = admin@example.com\n"
                                  "agree_terms = yes\n"
                                  "\n"
                                  "[certificate example.com]\n"
                                  "domains = example.com www.example.com\n"
                                  "reload = nginx\n");
    const struct config_certificate *cert;

    (void)state;
    assert_string_equal(c->contact, "admin@example.com");
    assert_true(c->agree_terms);
    assert_string_equal(c->state_dir, "/var/lib/acmed");
    assert_string_equal(c->control_socket, "/run/acmed/acmed.sock");
    assert_null(c->user);
    assert_null(c->control_group);
    assert_int_equal(c->max_orders, 8);
    assert_false(c->max_orders_set);
    assert_int_equal(c->log_level, LOG_LEVEL_INFO);
    assert_int_equal(c->http_other, HTTP_OTHER_REDIRECT);
    assert_false(c->http_listen_set);
    assert_int_equal(c->n_http_listen, 2);
    assert_string_equal(c->http_listen[1].host, "::");
    assert_int_equal(c->http_listen[1].port, 80);
    assert_false(c->http_listen[1].explicit_);
    assert_int_equal(c->n_certificates, 1);
    cert = config_find(c, "example.com");
    assert_non_null(cert);
    assert_int_equal(cert->domains.n, 2);
    assert_string_equal(cert->domains.v[1], "www.example.com");
    assert_string_equal(cert->ca->name, "letsencrypt");
    assert_string_equal(cert->ca->directory, "https://acme-v02.api.letsencrypt.org/directory");
    assert_string_equal(config_ca_contact(c, cert->ca), "admin@example.com");
    assert_true(cert->ca->agree_terms);
    assert_string_equal(cert->ca->file, "");
    assert_int_equal(cert->key, KEY_TYPE_ECDSA_P256);
    assert_int_equal(cert->keep, 3);
    assert_int_equal(cert->mode, 0600);
    assert_int_equal(cert->hook_timeout, 300);
    assert_int_equal(cert->hook.n, 0);
    assert_int_equal(cert->renew_before, 0);
    assert_null(cert->profile);
    assert_null(cert->verify_host);
    assert_string_equal(cert->reload.v[0], "nginx.service");
    assert_string_equal(cert->file, "t.conf");
    assert_int_equal(cert->line, 5);
    assert_null(config_find(c, "example.org"));
    config_free(c);
}

static void test_every_key(void **state)
{
    struct config *c = parse_good("[acmed]\r\n"
                                  "contact = a@example.net\r\n"
                                  "agree_terms = no\r\n"
                                  "user = _acme\n"
                                  "state_dir = /srv//acme/./\n"
                                  "control_socket = /run/x.sock\n"
                                  "control_group = adm\n"
                                  "http_listen = 127.0.0.1:5002 \\\n"
                                  "# in between\n"
                                  "   [::1]:5002\n"
                                  "http_listen = unix:/run/http.sock systemd\n"
                                  "dns_resolver = 192.0.2.53:53 [2001:db8::53]:5353\n"
                                  "http_other = 404\n"
                                  "max_orders = 1000\n"
                                  "log_level = debug\n"
                                  "[ca Pebble]\n"
                                  "directory = https://[::1]:14000/dir\n"
                                  "ca_file = /etc/pebble.pem\n"
                                  "contact = b@example.net\n"
                                  "agree_terms = yes\n"
                                  "limits = 50/7d set:3/2d failures:none\n"
                                  "[certificate a]\n"
                                  "domains = B.example.com. a.example.com\n"
                                  "domains = xn--bcher-kva.example\n"
                                  "ca = PEBBLE\n"
                                  "key = rsa-4096\n"
                                  "challenge = http-01\n"
                                  "profile = tls-server_1.0\n"
                                  "renew_before = 33%\n"
                                  "keep = 0\n"
                                  "owner = www-data\n"
                                  "group = 33\n"
                                  "mode = 640\n"
                                  "copy = fullchain:/etc/a.pem privkey:/etc/a.key\n"
                                  "reload = nginx.service php8.2-fpm foo@bar\n"
                                  "hook = /usr/bin/x 'a b' \"c \\\" d\" e\\ f ''\n"
                                  "hook_timeout = 90s\n"
                                  "hook_user = nobody\n"
                                  "verify = [::1]:443\n");
    const struct config_certificate *a = config_find(c, "a");

    (void)state;
    assert_string_equal(c->state_dir, "/srv/acme");
    assert_int_equal(c->n_http_listen, 4);
    assert_string_equal(c->http_listen[1].text, "[::1]:5002");
    assert_string_equal(c->http_listen[1].host, "::1");
    assert_true(c->http_listen[1].explicit_);
    assert_int_equal(c->http_listen[2].kind, LISTEN_UNIX);
    assert_string_equal(c->http_listen[2].host, "/run/http.sock");
    assert_int_equal(c->http_listen[3].kind, LISTEN_SYSTEMD);
    assert_true(c->http_listen_set);
    assert_int_equal(c->dns_resolvers.n, 2);
    assert_string_equal(c->dns_resolvers.v[1], "[2001:db8::53]:5353");
    assert_false(c->dns_off);
    assert_int_equal(c->http_other, HTTP_OTHER_404);
    assert_string_equal(a->ca->name, "pebble");
    assert_string_equal(a->ca->ca_file, "/etc/pebble.pem");
    assert_int_equal(a->ca->line, 16);
    assert_true(a->ca->limits_set);
    assert_true(a->ca->rates_set[LEDGER_SET] && a->ca->rates_set[LEDGER_FAILURES]);
    assert_false(a->ca->rates_set[LEDGER_DOMAIN]);
    assert_int_equal(a->ca->rates.v[LEDGER_SET].n, 3);
    assert_int_equal(a->ca->rates.v[LEDGER_SET].window_s, 2 * 86400);
    assert_int_equal(a->ca->rates.v[LEDGER_FAILURES].n, 0);
    assert_int_equal(a->ca->limit, 50);
    assert_int_equal(a->ca->limit_window, 7 * 86400);
    assert_false(config_find_ca(c, "letsencrypt")->limits_set);
    assert_string_equal(config_ca_contact(c, a->ca), "b@example.net");
    assert_false(config_find_ca(c, "letsencrypt")->agree_terms);
    assert_int_equal(a->domains.n, 3);
    assert_string_equal(a->domains.v[0], "b.example.com");
    assert_int_equal(a->key, KEY_TYPE_RSA_4096);
    assert_int_equal(a->renew_before_percent, 33);
    assert_string_equal(a->profile, "tls-server_1.0");
    assert_int_equal(a->keep, 0);
    assert_int_equal(a->mode, 0640);
    assert_int_equal(a->n_copies, 2);
    assert_int_equal(a->copies[1].kind, COPY_PRIVKEY);
    assert_string_equal(a->copies[1].path, "/etc/a.key");
    assert_string_equal(a->reload.v[1], "php8.2-fpm.service");
    assert_string_equal(a->reload.v[2], "foo@bar.service");
    assert_int_equal(a->hook.n, 5);
    assert_string_equal(a->hook.v[1], "a b");
    assert_string_equal(a->hook.v[2], "c \" d");
    assert_string_equal(a->hook.v[3], "e f");
    assert_string_equal(a->hook.v[4], "");
    assert_int_equal(a->hook_timeout, 90);
    assert_string_equal(a->verify_host, "::1");
    assert_int_equal(a->verify_port, 443);
    config_free(c);
}

static void test_defaults_apply_and_are_overridden(void **state)
{
    struct config *c =
        parse_good(AGREED "[defaults]\nkeep = 5\nreload = nginx\nca = letsencrypt-staging\n"
                          "[certificate b.example]\nreload = haproxy\n[certificate a.example]\nkeep = 1\n");

    (void)state;
    assert_string_equal(c->certificates[0].name, "a.example");
    assert_string_equal(c->certificates[0].domains.v[0], "a.example");
    assert_int_equal(c->certificates[0].keep, 1);
    assert_string_equal(c->certificates[0].reload.v[0], "nginx.service");
    assert_int_equal(c->certificates[1].keep, 5);
    assert_int_equal(c->certificates[1].reload.n, 1);
    assert_string_equal(c->certificates[1].reload.v[0], "haproxy.service");
    assert_string_equal(c->certificates[1].ca->name, "letsencrypt-staging");
    config_free(c);
}

static void test_identifiers(void **state)
{
    struct config *c = parse_good("[acmed]\ncontact = jo@bücher.example\nagree_terms = yes\n"
                                  "[ca own]\ndirectory = https://ca.example/dir\n"
                                  "[certificate 192.0.2.1]\nca = own\n"
                                  "[certificate host]\nca = own\n"
                                  "domains = Bücher.example 2001:DB8:0::1 localhost 10.0.0.1\n"
                                  "verify = bücher.example:443\n");
    const struct config_certificate *cert;

    (void)state;
    assert_string_equal(c->contact, "jo@xn--bcher-kva.example");
    cert = config_find(c, "192.0.2.1");
    assert_string_equal(cert->domains.v[0], "192.0.2.1");
    cert = config_find(c, "host");
    assert_int_equal(cert->domains.n, 4);
    assert_string_equal(cert->domains.v[0], "xn--bcher-kva.example");
    assert_string_equal(cert->domains.v[1], "2001:db8::1");
    assert_string_equal(cert->verify_host, "xn--bcher-kva.example");
    config_free(c);
}

static void test_what_public_cas_do_not_issue_for_is_warned_of(void **state)
{
    const char *text = "[acmed]\nagree_terms = yes\n[ca own]\ndirectory = https://ca.example/dir\n"
                       "[certificate a]\ndomains = a.example.com 10.0.0.1 localhost\n"
                       "[certificate b]\ndomains = 10.0.0.2\nca = own\n";
    struct config_file file = {"t.conf", text, strlen(text)};
    struct config_messages m = {0};
    struct config *c = config_parse(&file, 1, NULL, &m);

    (void)state;
    assert_non_null(c);
    assert_int_equal(m.n, 2);
    assert_int_equal(m.errors, 0);
    assert_int_equal(m.v[0].line, 6);
    assert_non_null(strstr(m.v[0].text, "10.0.0.1 is a private address"));
    assert_non_null(strstr(m.v[1].text, "localhost is a single label"));
    config_free(c);
    config_messages_clear(&m);
}

static void test_all_errors_at_once_in_order(void **state)
{
    struct config_file files[] = {
        {"a.conf", NULL, 0},
        {"b.conf", NULL, 0},
    };
    struct config_messages m = {0};
    static const struct {
        const char *file;
        unsigned line;
        const char *text;
    } want[] = {
        {"a.conf", 2, "contact: \"nobody\" is no e-mail"},
        {"a.conf", 3, "unknown key `agree_term` in [acmed]: did you mean `agree_terms`?"},
        {"a.conf", 4, "unknown key `hook` in [acmed]: it belongs into [certificate NAME]"},
        {"a.conf", 5, "is to come from letsencrypt, whose terms"},
        {"a.conf", 6, "\"*.*.a.example\": in a wildcard"},
        {"b.conf", 1, "[certificate a] was already given at a.conf:5"},
        {"b.conf", 2, "\"0644\" would give everybody"},
        {"b.conf", 3, "`mode` was already given on line 2"},
    };

    (void)state;
    files[0].text =
        "[acmed]\ncontact = nobody\nagree_term = yes\nhook = /x\n[certificate a]\ndomains = *.*.a.example\n";
    files[1].text = "[certificate a]\nmode = 0644\nmode = 0600\n";
    for (size_t i = 0; i < 2; i++)
        files[i].len = strlen(files[i].text);
    assert_null(config_parse(files, 2, NULL, &m));
    print_messages(&m);
    for (size_t i = 0, j = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_true(j < m.n);
        assert_string_equal(m.v[j].file, want[i].file);
        assert_int_equal(m.v[j].line, want[i].line);
        assert_non_null(strstr(m.v[j].text, want[i].text));
        j++;
    }
    assert_int_equal(m.errors, 8);
    config_messages_clear(&m);
}

#define TWO_KEYS                                                                                             \
    AGREED "[certificate a.example]\nkey = ecdsa-p256 rsa-2048\ncopy = privkey:/etc/x/{key}.pem\n"

static void test_the_one_that_is_meant(void **state)
{
    struct config *c = parse_good(TWO_KEYS "[certificate b.example]\nkey = rsa-2048\n");
    struct err e;

    (void)state;
    assert_string_equal(config_find_one(c, "a.example.ecdsa-p256", &e)->name, "a.example");
    assert_string_equal(config_find_one(c, "a.example.rsa-2048", &e)->name, "a.example.rsa-2048");
    assert_null(config_find_one(c, "a.example", &e));
    assert_string_equal(e.text, "a.example has a certificate for each of its 2 types of key; say which one: "
                                "a.example.ecdsa-p256 or a.example.rsa-2048");
    assert_string_equal(config_find_one(c, "b.example", &e)->name, "b.example");
    assert_string_equal(config_find_one(c, "b.example.rsa-2048", &e)->name, "b.example");
    assert_null(config_find_one(c, "b.example.ecdsa-p256", &e));
    assert_null(config_find_one(c, "c.example", &e));
    assert_non_null(strstr(e.text, "no configured certificate"));
    assert_null(config_find_one(c, "", &e));
    config_free(c);
}

static void test_each_key_type_is_a_lineage(void **state)
{
    struct config *c = parse_good(TWO_KEYS "[certificate a.example-b]\n");

    (void)state;
    assert_int_equal(c->n_certificates, 3); /* in the order of lineages, not of sections */
    assert_string_equal(c->certificates[0].name, "a.example");
    assert_int_equal(c->certificates[0].key, KEY_TYPE_ECDSA_P256);
    assert_string_equal(c->certificates[0].copies[0].path, "/etc/x/ecdsa-p256.pem");
    assert_string_equal(c->certificates[1].name, "a.example-b");
    assert_string_equal(c->certificates[2].name, "a.example.rsa-2048");
    assert_string_equal(c->certificates[2].section, "a.example");
    assert_string_equal(c->certificates[2].copies[0].path, "/etc/x/rsa-2048.pem");
    assert_int_equal(c->certificates[2].key, KEY_TYPE_RSA_2048);
    assert_true(config_answers_to(&c->certificates[0], "a.example"));
    assert_true(config_answers_to(&c->certificates[0], "a.example.ecdsa-p256"));
    assert_false(config_answers_to(&c->certificates[0], "a.example.rsa-2048"));
    assert_true(config_answers_to(&c->certificates[2], "a.example"));
    assert_true(config_answers_to(&c->certificates[2], "a.example.rsa-2048"));
    assert_false(config_answers_to(&c->certificates[1], "a.example"));
    config_free(c);
}

static void test_what_is_live_has_the_plain_name(void **state)
{
    struct config_live_key keys[] = {{(char[]){"a.example"}, KEY_TYPE_RSA_2048}};
    const struct config_live live = {keys, 1};
    struct config_file file = {"t.conf", TWO_KEYS, sizeof TWO_KEYS - 1};
    struct config_messages m = {0};
    struct config *c = config_parse(&file, 1, &live, &m);

    (void)state;
    assert_non_null(c);
    assert_int_equal(config_find(c, "a.example")->key, KEY_TYPE_RSA_2048);
    assert_int_equal(config_find(c, "a.example.ecdsa-p256")->key, KEY_TYPE_ECDSA_P256);
    config_free(c);
    keys[0].key = KEY_TYPE_RSA_4096; /* not in the list (any more) */
    c = config_parse(&file, 1, &live, &m);
    assert_non_null(c);
    assert_int_equal(config_find(c, "a.example")->key, KEY_TYPE_ECDSA_P256);
    config_free(c);
    config_messages_clear(&m);
}

static void test_lineages_collide(void **state)
{
    struct config_messages m;

    (void)state;
    assert_null(parse(TWO_KEYS "[certificate a.example.rsa-2048]\ndomains = b.example\n", &m));
    assert_int_equal(m.errors, 1);
    assert_int_equal(m.v[0].line, 6);
    assert_non_null(strstr(m.v[0].text, "rename one of the sections"));
    config_messages_clear(&m);
}

static void test_built_in_cas(void **state)
{
    struct config *c = parse_good(AGREED "[ca zerossl]\neab_kid = kid-1\neab_hmac_file = credential:zerossl\n"
                                         "[certificate a.example.com]\nca = zerossl\n"
                                         "[certificate b.example.com]\nca = google-test\n");

    (void)state;
    assert_string_equal(config_find_ca(c, "zerossl")->directory, "https://acme.zerossl.com/v2/DV90");
    assert_string_equal(config_find_ca(c, "zerossl")->eab_kid, "kid-1");
    assert_string_equal(config_find_ca(c, "zerossl")->eab_hmac_file, "credential:zerossl");
    assert_string_equal(config_find_ca(c, "google")->directory, "https://dv.acme-v02.api.pki.goog/directory");
    assert_string_equal(config_find_ca(c, "sslcom")->directory, "https://acme.ssl.com/sslcom-dv-ecc");
    assert_string_equal(config_find_ca(c, "actalis")->directory,
                        "https://acme-api.actalis.com/acme/directory");
    assert_string_equal(c->certificates[1].ca->directory, "https://dv.acme-v02.test-api.pki.goog/directory");
    config_free(c);
}

static void test_chain(void **state)
{
    struct config *c = parse_good(AGREED "[ca letsencrypt]\nchain = ISRG Root X1\n"
                                         "[certificate a.example.com]\nchain = ISRG Root X2\n"
                                         "[certificate b.example.com]\n"
                                         "[certificate c.example.com]\nca = letsencrypt-staging\n");

    (void)state;
    assert_string_equal(config_chain(&c->certificates[0], c->certificates[0].ca), "ISRG Root X2");
    assert_string_equal(config_chain(&c->certificates[1], c->certificates[1].ca), "ISRG Root X1");
    assert_null(config_chain(&c->certificates[2], c->certificates[2].ca));
    config_free(c);
}

/* SSL.com has a directory for each type of key. */
static void test_rsa_at_the_directory_for_ecdsa(void **state)
{
    static const char text[] = AGREED "[certificate a.example.com]\nca = sslcom\nkey = rsa-2048\n"
                                      "[certificate b.example.com]\nca = sslcom\n"
                                      "[ca own]\ndirectory = https://acme.ssl.com/sslcom-dv-rsa\n"
                                      "[certificate c.example.com]\nca = own\nkey = rsa-2048\n";
    struct config_file file = {"a.conf", text, sizeof text - 1};
    struct config_messages m = {0};
    struct config *c = config_parse(&file, 1, NULL, &m);

    (void)state;
    assert_non_null(c);
    assert_int_equal(m.n, 1);
    assert_true(m.v[0].warning);
    assert_non_null(strstr(m.v[0].text, "[certificate a.example.com] has an RSA key"));
    assert_non_null(strstr(m.v[0].text, "`directory = https://acme.ssl.com/sslcom-dv-rsa`"));
    config_messages_clear(&m);
    config_free(c);
}

static void test_staging(void **state)
{
    struct config *c = parse_good(AGREED "[ca one]\ndirectory = https://one.test/dir\nstaging = Two\n"
                                         "[ca two]\ndirectory = https://two.test/dir\n"
                                         "[ca google]\nstaging = two\n"
                                         "[ca zerossl]\ndirectory = https://mine.test/dir\n"
                                         "[ca same]\ndirectory = "
                                         "https://acme-v02.api.letsencrypt.org/directory\n"
                                         "[certificate a.example.com]\n"
                                         "[certificate b.example.com]\nca = two one letsencrypt\n"
                                         "[certificate c.example.com]\nca = two letsencrypt-staging\n"
                                         "[certificate d.example.com]\nca = google\n"
                                         "[certificate e.example.com]\nca = zerossl\n"
                                         "[certificate f.example.com]\nca = same\n");
    static const char *const stages[] = {"letsencrypt-staging", "two", NULL, "two", NULL,
                                         "letsencrypt-staging"};

    (void)state;
    assert_int_equal(c->n_certificates, 6);
    for (size_t i = 0; i < c->n_certificates; i++) {
        const struct config_ca *ca = config_rehearsal_ca(&c->certificates[i]);

        if (stages[i] == NULL)
            assert_null(ca);
        else
            assert_string_equal(ca != NULL ? ca->name : "none", stages[i]);
    }
    config_free(c);
}

/* Under another URL it is another CA. */
static void test_staging_of_a_renamed_one(void **state)
{
    struct config *c = parse_good(AGREED "[ca letsencrypt]\ndirectory = https://mine.test/dir\n"
                                         "[certificate a.example.com]\n");

    (void)state;
    assert_null(config_rehearsal_ca(&c->certificates[0]));
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_built_in_cas),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_rsa_at_the_directory_for_ecdsa),
        cmocka_unit_test(test_short_configuration),
        cmocka_unit_test(test_staging),
        cmocka_unit_test(test_staging_of_a_renamed_one),
        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_defaults_apply_and_are_overridden),
        cmocka_unit_test(test_identifiers),
        cmocka_unit_test(test_what_public_cas_do_not_issue_for_is_warned_of),
        cmocka_unit_test(test_all_errors_at_once_in_order),
        cmocka_unit_test(test_each_key_type_is_a_lineage),
        cmocka_unit_test(test_the_one_that_is_meant),
        cmocka_unit_test(test_what_is_live_has_the_plain_name),
        cmocka_unit_test(test_lineages_collide),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
