/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AGREED "[acmed]\nagree_terms = yes\n"
#define CERT   AGREED "[certificate a.example]\n"
#define L100                                                                                                 \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
#define UNKNOWN "unknown key"

static struct config *parse(const char *text, struct config_messages *m)
{
    struct config_file file = {"t.conf", text, strlen(text)};

    *m = (struct config_messages){0};
    return config_parse(&file, 1, NULL, m);
}

/* text: a configuration with one error, which is reported at that line in these words. */
struct wrong {
    const char *text;
    unsigned line;
    const char *why;
};

static void check_wrong(const struct wrong *cases, size_t n)
{
    struct config_messages m;

    for (size_t i = 0; i < n; i++) {
        if (parse(cases[i].text, &m) != NULL)
            fail_msg("accepted: %s", cases[i].text);
        if (m.n != 1 || m.errors != 1 || m.v[0].line != cases[i].line ||
            strstr(m.v[0].text, cases[i].why) == NULL)
            fail_msg("%s\n-> %zu messages, %s:%u: %s", cases[i].text, m.n, m.v[0].file, m.v[0].line,
                     m.v[0].text);
        config_messages_clear(&m);
    }
}
#define CHECK_WRONG(cases) check_wrong(cases, sizeof(cases) / sizeof((cases)[0]))

static void test_wrong_acmed(void **state)
{
    static const struct wrong cases[] = {
        {"[acmed]\ncontact = a b@example.com\n", 2, "not one plain e-mail"},
        {"[acmed]\ncontact = mailto:a@example.com\n", 2, "without mailto:"},
        {"[acmed]\ncontact = a@example.com,b@example.com\n", 2, "e-mail"},
        {"[acmed]\ncontact = a@\n", 2, "a DNS name is missing"},
        {"[acmed]\nagree_terms = maybe\n", 2, "neither yes nor no"},
        {"[acmed]\nuser = -x\n", 2, "no name (or number)"},
        {"[acmed]\nuser = 4294967295\n", 2, "too large"},
        {"[acmed]\nuser =\n", 2, "has no value"},
        {"[acmed]\nstate_dir = var/lib\n", 2, "not an absolute path"},
        {"[acmed]\nstate_dir = /var/../etc\n", 2, "`..`"},
        {"[acmed]\nstate_dir = /a/..\n", 2, "`..`"},
        {"[acmed]\nstate_dir = //\n", 2, "root directory"},
        {"[acmed]\nstate_dir = /x # where\n", 2, "line of its own"},
        {"[acmed]\ncontrol_socket = /" L100 L100 "\n", 2, "107 bytes"},
        {"[acmed]\nhttp_listen = 80\n", 2, "none of ADDRESS:PORT"},
        {"[acmed]\nhttp_listen = *:80\n", 2, "none of ADDRESS:PORT"},
        {"[acmed]\nhttp_listen = example.com:80\n", 2, "none of ADDRESS:PORT"},
        {"[acmed]\nhttp_listen = ::1:80\n", 2, "none of ADDRESS:PORT"},
        {"[acmed]\nhttp_listen = [127.0.0.1]:80\n", 2, "none of ADDRESS:PORT"},
        {"[acmed]\nhttp_listen = 127.0.0.1:0\n", 2, "none of ADDRESS:PORT"},
        {"[acmed]\nhttp_listen = 127.0.0.1:65536\n", 2, "none of ADDRESS:PORT"},
        {"[acmed]\nhttp_listen = unix:x\n", 2, "not an absolute path"},
        {"[acmed]\nhttp_listen = 127.0.0.1:80\nhttp_listen = off\n", 3, "stands alone"},
        {"[acmed]\nhttp_listen = systemd systemd\n", 2, "given twice"},
        {"[acmed]\nhttp_listen = unix:/x unix:/x\n", 2, "given twice"},
        {"[acmed]\nhttp_listen = unix:/run/acmed//acmed.sock\n", 1, "control socket"},
        {"[acmed]\ndns_resolver = 192.0.2.1\n", 2, "none of ADDRESS:PORT"},
        {"[acmed]\ndns_resolver = dns.example:53\n", 2, "none of ADDRESS:PORT"},
        {"[acmed]\ndns_resolver = 192.0.2.1:53 192.0.2.1:53\n", 2, "given twice"},
        {"[acmed]\ndns_resolver = off off\n", 2, "given twice"},
        {"[acmed]\ndns_resolver = off 192.0.2.1:53\n", 2, "stands alone"},
        {"[acmed]\ndns_resolver = 192.0.2.1:53 off\n", 2, "stands alone"},
        {"[acmed]\nhttp_other = 403\n", 2, "neither redirect nor 404"},
        {"[acmed]\nmax_orders = 0\n", 2, "from 1 to 1000"},
        {"[acmed]\nmax_orders = 1001\n", 2, "from 1 to 1000"},
        {"[acmed]\nmax_orders = -1\n", 2, "from 1 to 1000"},
        {"[acmed]\nmax_orders = 99999999999999999999999\n", 2, "from 1 to 1000"},
        {"[acmed]\nlog_level = loud\n", 2, "none of error"},
        {"[acmed]\nlog_level = info\nlog_level = debug\n", 3, "already given on line 2"},
        {"[acmed]\nmetrics_listen = off\n", 2, UNKNOWN},
        {"[acmed]\nmetrics_listen = off\n", 2, UNKNOWN},
        {"[acmed]\nhttp_listem = off\n", 2, "did you mean `http_listen`?"},
    };

    (void)state;
    CHECK_WRONG(cases);
}

static void test_wrong_ca(void **state)
{
    static const struct wrong cases[] = {
        {"[ca x]\ncontact = a@example.com\n", 1, "add `directory = https://...`"},
        {"[ca x]\ndirectory = http://ca.example/dir\n", 2, "no https URL"},
        {"[ca x]\ndirectory = https://\n", 2, "no URL like"},
        {"[ca x]\ndirectory = https://:443/\n", 2, "no URL like"},
        {"[ca x]\ndirectory = https://user@ca.example/\n", 2, "no URL like"},
        {"[ca x]\ndirectory = https://ca.example:x/\n", 2, "no URL like"},
        {"[ca x]\ndirectory = https://[::1/\n", 2, "no URL like"},
        {"[ca x]\ndirectory = https://ca.example/a b\n", 2, "contains a character"},
        {"[ca x]\ndirectory = https://ca.example/#x\n", 2, "contains a character"},
        {"[ca x]\ndirectory = https://ca.example/\nca_file = x\n", 3, "not an absolute path"},
        {"[ca x]\ndirectory = https://ca.example/\nstaging = x\n", 3, "names itself"},
        {"[ca x]\ndirectory = https://ca.example/\nstaging = y\n", 3, "there is no CA \"y\""},
        {"[ca letsencrypt]\nstaging = letsencrypt-stagin\n", 2, "there is no CA"},
        {"[ca x]\ndirectory = https://ca.example/\nstaging = https://x.example/\n", 3, "is a URL"},
        {"[ca x]\ndirectory = https://ca.example/\nstaging = a b\n", 3, "not the name of a CA"},
        {"[ca x]\ndirectory = https://ca.example/\neab_kid = x\n", 1,
         "[ca x] has eab_kid but no eab_hmac_file"},
        {"[ca zerossl]\neab_hmac_file = /etc/key\n", 1, "[ca zerossl] has eab_hmac_file but no eab_kid"},
        {"[ca zerossl]\neab_kid = \"x\"\neab_hmac_file = /etc/key\n", 2, "without quotes"},
        {"[ca zerossl]\neab_kid = a b\neab_hmac_file = /etc/key\n", 2, "a character that key identifiers"},
        {"[ca zerossl]\neab_kid = x\neab_hmac_file = zWNDZM6eQGHWpSRTPal5\n", 3,
         "neither an absolute path nor credential:NAME"},
        {"[ca zerossl]\neab_kid = x\neab_hmac_file = credential:../x\n", 3, "no name of a credential"},
        {"[ca zerossl]\neab_kid = x\neab_hmac_file = credential:\n", 3, "no name of a credential"},
        {"[ca zerossl]\neab_kid = x\neab_hmac_file = credential:a/b\n", 3, "no name of a credential"},
        {"[ca zerossl]\neab_kid = x\neab_hmac_file = /etc/../key\n", 3, "`..`"},
        {"[ca x]\ndirectory = https://ca.example/\nlimits = 300\n", 3, "like 280/3h"},
        {"[ca x]\ndirectory = https://ca.example/\nlimits = 0/3h\n", 3, "like 280/3h"},
        {"[ca x]\ndirectory = https://ca.example/\nlimits = /3h\n", 3, "like 280/3h"},
        {"[ca x]\ndirectory = https://ca.example/\nlimits = 1000001/3h\n", 3, "like 280/3h"},
        {"[ca x]\ndirectory = https://ca.example/\nlimits = 300/3h 20/1h\n", 3, "given twice"},
        {"[ca x]\ndirectory = https://ca.example/\nlimits = set:5/7d set:none\n", 3, "set: is given twice"},
        {"[ca x]\ndirectory = https://ca.example/\nlimits = names:5/7d\n", 3, "domain:, set: and failures:"},
        {"[ca x]\ndirectory = https://ca.example/\nlimits = domain:\n", 3, "like 280/3h"},
        {"[ca x]\ndirectory = https://ca.example/\nlimits = 300/\n", 3, "not a duration"},
        {"[ca x]\ndirectory = https://ca.example/\nlimits = 300/3\n", 3, "not a duration"},
        {"[ca x]\ndirectory = https://ca.example/\nlimits = 300/31d\n", 3, "out of bounds"},
        {"[ca x]\ndirectory = https://ca.example/\nlimits = 300/0s\n", 3, "out of bounds"},
        {"[ca]\ndirectory = https://ca.example/\n", 1, "needs a name, as in [ca my-ca]"},
        {"[ca a/b]\ndirectory = x\n", 1, "[ca a/b]: a name has"},
        {"[ca letsencrypt]\n[ca LetsEncrypt]\n", 2, "already given at t.conf:1"},
        {CERT "[ca x]\ndirectory = https://ca.example/\nagree_terms = no\n[certificate b]\nca = x\n", 7,
         "add the line `agree_terms = yes` to [acmed] or to [ca x]"},
    };

    (void)state;
    CHECK_WRONG(cases);
}

static void test_wrong_certificate(void **state)
{
    static const struct wrong cases[] = {
        {CERT "domains = a.example a.example\n", 4, "given twice"},
        {CERT "domains = a.example\ndomains = A.example.\n", 5, "given twice"},
        {CERT "domains = a.example 192.0.2.7:443\n", 4, "write the address alone"},
        {CERT "domains = bücher.example xn--bcher-kva.example\n", 4,
         "bücher.example (xn--bcher-kva.example) is given twice: remove one"},
        {CERT "domains = xn--bcher-kva.example bücher.example\n", 4,
         "\"bücher.example\" is given twice, it means bücher.example (xn--bcher-kva.example)"},
        {CERT "domains = 2a01:4f8::1 2A01:4F8:0::1\n", 4, "it means 2a01:4f8::1"},
        {CERT "domains = example.com\ndomains = *.example.com\n", 5,
         "[certificate a.example] has the wildcard *.example.com, which http-01 cannot prove: it needs "
         "`challenge "
         "= dns-01"},
        {CERT "key = ecdsa-p256 rsa-2048\ndomains = *.a.example *.b.example\n", 5,
         "has the wildcard *.a.example"},
        {CERT "domains = i❤.ws\n", 4, "write its xn-- form"},
        {CERT "domains = a.example # main\n", 4, "line of its own"},
        {CERT "ca = letsencrypt letsencrypt\n", 4, "given twice"},
        {AGREED "[certificate a.example]\nca = actalis\nrehearse = yes\n", 5, "add `staging = NAME`"},
        {CERT "rehearse = perhaps\n", 4, "neither yes nor no"},
        {CERT "ca = nowhere\n", 4, "there is no CA \"nowhere\""},
        {CERT "ca = https://ca.example/dir\n", 4, "write a section [ca NAME]"},
        {CERT "key = rsa-2048 rsa-2048\n", 4, "given twice"},
        {CERT "key = ecdsa-p256 rsa-2048\ncopy = cert:/a/b.pem\n", 5, "put \"{key}\" into /a/b.pem"},
        {CERT "key = rsa-1024\n", 4, "none of ecdsa-p256"},
        {CERT "profile = short lived\n", 4, "no name of a profile"},
        {CERT "profile = ../x\n", 4, "no name of a profile"},
        {CERT "domains = 192.0.2.1\nchallenge = dns-01\ndns_hook = exec:/bin/x\nca = own\n[ca "
              "own]\ndirectory = https://ca.example/dir\n",
         4,
         "has the IP address 192.0.2.1, which dns-01 cannot prove: it needs `challenge = "
         "http-01 or tls-alpn-01`"},
        {CERT "challenge = tls-alpn-01\n", 4, "tls_alpn_listen"},
        {CERT "challenge = dns-02\n", 4,
         "the challenges are http-01, tls-alpn-01, dns-01, dns-account-01 and dns-persist-01"},
        {CERT "challenge = dns-01\n", 4, "dns-01 needs to know how to set records"},
        {CERT "dns_hook = /bin/x\n", 4, "does not begin with the convention"},
        {CERT "dns_hook = exec:x\n", 4, "not an absolute path"},
        {CERT "webroot = www\n", 4, "not an absolute path"},
        {CERT "webroot = /\n", 4, "is the root directory"},
        {CERT "webroot = /srv/www\nchallenge = dns-01\ndns_hook = exec:/bin/x\n", 4,
         "webroot is for http-01"},
        {"[acmed]\nexperimental = x\n", 2, "is nothing experimental of this version"},
        {CERT "challenge = dns-persist-01\n", 4, "it needs `experimental = dns-persist-01`"},
        {CERT "challenge = dns-account-01\n", 4, "dns-account-01 needs to know how to set records"},
        {CERT "challenge = dns-account-01\ndns_hook = dehydrated:/bin/x\n", 4, "use another dns_hook"},
        {CERT "dns_hook = acme.sh:\n", 4, "not the name of one of acme.sh's DNS scripts"},
        {CERT "dns_hook = acme.sh:cf\n", 4, "not the name of one of acme.sh's DNS scripts"},
        {CERT "dns_hook = acme.sh:dns_\n", 4, "not the name of one of acme.sh's DNS scripts"},
        {CERT "dns_hook = acme.sh:dns_a/../../b\n", 4, "not the name of one of acme.sh's DNS scripts"},
        {CERT "dns_hook = acme.sh:dns_cf acme.sh\n", 4, "not an absolute path"},
        {CERT "dns_hook = acme.sh:dns_cf /opt/acme.sh x\n", 4,
         "not the name of one of acme.sh's DNS scripts"},
        {CERT "dns_hook = rfc2136:\n", 4, "is not SERVER KEYFILE"},
        {CERT "dns_hook = rfc2136:ns1.example.com\n", 4, "is not SERVER KEYFILE"},
        {CERT "dns_hook = rfc2136:ns1.example.com:0 /etc/k\n", 4, "is not SERVER KEYFILE"},
        {CERT "dns_hook = rfc2136:ns1;x /etc/k\n", 4, "has no meaning here"},
        {CERT "dns_hook = rfc2136:'ns1 x' /etc/k\n", 4, "is not SERVER KEYFILE"},
        {CERT "dns_hook = rfc2136:[::1 /etc/k\n", 4, "is not SERVER KEYFILE"},
        {CERT "dns_hook = rfc2136:[::1]53 /etc/k\n", 4, "is not SERVER KEYFILE"},
        {CERT "dns_hook = rfc2136:[1.2.3.x]:53 /etc/k\n", 4, "is not SERVER KEYFILE"},
        {CERT "dns_hook = rfc2136:192.0.2.1 k\n", 4, "not an absolute path"},
        {CERT "dns_hook = rfc2136:192.0.2.1 /etc/k x\n", 4, "is not SERVER KEYFILE"},
        {CERT "dns_delegation = a..example\n", 4, "a..example"},
        {CERT "dns_delegation = *.a.example\n", 4, "*.a.example"},
        {CERT "dns_delegation = 192.0.2.1\n", 4, "192.0.2.1"},
        {CERT "dns_delegation = " L100 L100 L100 "\n", 4, "0123"},
        {CERT "dns_delegation = -a.example\n", 4, "-a.example"},
        {CERT "dns_delegation = a.example A.example\n", 4, "a.example is given twice"},
        {CERT "dns_delegation = off off\n", 4, "given twice"},
        {CERT "dns_delegation = off a.example\n", 4, "stands alone"},
        {CERT "dns_delegation = a.example\ndns_delegation = off\n", 5, "stands alone"},
        {CERT "renew_before = 30\n", 4, "not a duration"},
        {CERT "renew_before = d\n", 4, "not a duration"},
        {CERT "renew_before = 59m\n", 4, "out of bounds"},
        {CERT "renew_before = 367d\n", 4, "out of bounds"},
        {CERT "renew_before = 999999999999999999d\n", 4, "out of bounds"},
        {CERT "renew_before = 100%\n", 4, "from 1% to 99%"},
        {CERT "renew_before = %\n", 4, "from 1% to 99%"},
        {CERT "keep = 1001\n", 4, "from 0 to 1000"},
        {CERT "mode = 0644\n", 4, "everybody"},
        {CERT "mode = 0601\n", 4, "everybody"},
        {CERT "mode = 0700\n", 4, "makes no sense"},
        {CERT "mode = 4600\n", 4, "makes no sense"},
        {CERT "mode = 0040\n", 4, "makes no sense"},
        {CERT "mode = rw\n", 4, "not a mode"},
        {CERT "copy = /etc/x.pem\n", 4, "not KIND:PATH"},
        {CERT "copy = full:/etc/x.pem\n", 4, "not KIND:PATH"},
        {CERT "copy = fullchain:x.pem\n", 4, "not an absolute path"},
        {CERT "copy = fullchain:/etc/x/\n", 4, "names a directory"},
        {CERT "copy = fullchain:/.\n", 4, "names a directory"},
        {CERT "copy = fullchain:/a/../b\n", 4, "`..`"},
        {CERT "copy = fullchain:/x privkey://x\n", 4, "two copies to /x"},
        {CERT "copy = fullchain:/var/lib/acmed/x\n", 4, "state directory"},
        {CERT "copy = cert:/x\n[certificate b.example]\ncopy = cert:/x\n", 6,
         "[certificate a.example] (t.conf:4) both"},
        {CERT "reload = -x\n", 4, "begins with `-`"},
        {CERT "reload = nginx@\n", 4, "is a template"},
        {CERT "reload = systemctl reload nginx;\n", 4, "name of a systemd unit"},
        {CERT "reload = nginx nginx.service\n", 4, "given twice"},
        {CERT "hook = deploy\n", 4, "not an absolute path"},
        {CERT "hook = /usr/../x\n", 4, "`..`"},
        {CERT "hook = /x 'a\n", 4, "single quote"},
        {CERT "hook = /x \"a\n", 4, "double quote"},
        {CERT "hook = /x \"a\\\\\n", 4, "double quote"},
        {CERT "hook = /x a | b\n", 4, "`|` has no meaning"},
        {CERT "hook = /x $HOME\n", 4, "`$` is not expanded"},
        {CERT "hook = /x \"$HOME\"\n", 4, "`$` is not expanded"},
        {CERT "hook = /x # why\n", 4, "line of its own"},
        {CERT "hook = ''\n", 4, "not an absolute path"},
        {CERT "hook_timeout = 0s\n", 4, "out of bounds"},
        {CERT "hook_timeout = 2d\n", 4, "out of bounds"},
        {CERT "hook_user = a b\n", 4, "no name (or number)"},
        {CERT "verify = localhost\n", 4, "not HOST:PORT"},
        {CERT "verify = :443\n", 4, "not HOST:PORT"},
        {CERT "verify = ::1:443\n", 4, "stand in brackets"},
        {CERT "verify = [localhost]:443\n", 4, "stand in brackets"},
        {CERT "verify = [::g]:443\n", 4, "not an IPv6 address"},
        {CERT "verify = a_b:443\n", 4, "underscore"},
        {CERT "domain = a.example\n", 4, "did you mean `domains`?"},
        {CERT "contact = a@example.com\n", 4, "it belongs into [acmed]"},
        {AGREED "[certificate a_b]\n", 3, "has no `domains`, and its name does not serve as one"},
        {AGREED "[certificate *.example.com]\n", 3,
         "write [certificate example.com] and below it `domains = *.example.com`"},
        {AGREED "[certificate bücher.example]\n", 3,
         "write [certificate xn--bcher-kva.example] and below it `domains = bücher.example`"},
        {AGREED "[certificate 2001:db8::1]\n", 3,
         "write [certificate host] and below it `domains = 2001:db8::1`"},
        {AGREED "[certificate a/b]\n", 3, "other names go into `domains`"},
        {AGREED "[certificate " L100 L100 "0]\n", 3, "a name has up to 200"},
        {CERT "[certificate A.example]\n", 4, "already given at t.conf:3"},
    };

    (void)state;
    CHECK_WRONG(cases);
}

static void test_wrong_sections(void **state)
{
    static const struct wrong cases[] = {
        {"x = 1\ny = 2\n", 1, "before the first section"},
        {"[acme]\nx = 1\n", 1, "did you mean [acmed]?"},
        {"[whatever]\nx = 1\n", 1, "there are [acmed], [ca NAME]"},
        {"[acmed x]\nfoo = 1\n", 1, "takes no name"},
        {"[certificate]\nfoo = 1\n", 1, "as in [certificate example.com]"},
        {"[acmed]\n[acmed]\n", 2, "already given at t.conf:1"},
        {"[defaults]\nmode = 0666\n", 2, "everybody"},
        {AGREED "[defaults]\nmode = 0666\n[certificate a.example]\n[certificate b.example]\n", 4,
         "everybody"},
        {AGREED "[defaults]\nca = x\n[certificate a.example]\n[certificate b.example]\n", 4, "no CA \"x\""},
        {"[acmed]\nagree_terms\n", 2, "neither `key = value`"},
        {"[certificate a\nmode = 7\n", 1, "heading"},
    };

    (void)state;
    CHECK_WRONG(cases);
}

static void test_warnings(void **state)
{
    struct config_messages m;
    struct config *c = parse(AGREED "[certificate a]\ndomains = x.example y.example\n"
                                    "[certificate b]\ndomains = Y.example x.example\n"
                                    "[certificate c]\ndomains = x.example y.example\nkey = rsa-2048\n",
                             &m);

    (void)state;
    assert_non_null(c);
    assert_int_equal(m.n, 1);
    assert_int_equal(m.errors, 0);
    assert_true(m.v[0].warning);
    assert_int_equal(m.v[0].line, 6);
    assert_non_null(strstr(m.v[0].text, "the same names and key type as [certificate a] (t.conf:3)"));
    config_free(c);
    config_messages_clear(&m);

    c = parse("", &m);
    assert_non_null(c);
    assert_int_equal(m.n, 1);
    assert_non_null(strstr(m.v[0].text, "nothing to do"));
    config_free(c);
    config_messages_clear(&m);
}

static void test_limits(void **state)
{
    struct config_messages m = {0};
    struct config_file *files = calloc(1001, sizeof *files);
    char *text = calloc(1, 1 << 20);
    char *p = text;

    (void)state;
    assert_non_null(files);
    assert_non_null(text);
    for (size_t i = 0; i < 1001; i++)
        files[i] = (struct config_file){"many.conf", "", 0};
    assert_null(config_parse(files, 1001, NULL, &m));
    assert_int_equal(m.n, 1);
    assert_non_null(strstr(m.v[0].text, "1001th file"));
    config_messages_clear(&m);

    p += sprintf(p, CERT "domains =");
    for (int i = 0; i < 101; i++)
        p += sprintf(p, " n%d.example", i);
    assert_null(parse(text, &m));
    assert_int_equal(m.n, 1);
    assert_non_null(strstr(m.v[0].text, "more than 100 names"));
    config_messages_clear(&m);

    p = text;
    for (int i = 0; i < 12000; i++)
        p += sprintf(p, "[c %d]\nx = %d\n", i, i);
    assert_null(parse(text, &m));
    assert_int_equal(m.errors, 10001);
    assert_non_null(strstr(m.v[m.n - 1].text, "2000 further"));
    config_messages_clear(&m);
    free(files);
    free(text);
}

/* Quadratic work would take many seconds here, so that a wide bound is enough on any machine. */
static void test_ten_thousand_certificates(void **state)
{
    char *text = malloc(4 << 20);
    char *p = text;
    struct timespec begin;
    struct timespec end;
    struct config_messages m;
    struct config *c;
    double ms;

    (void)state;
    assert_non_null(text);
    p += sprintf(p, AGREED "[defaults]\nreload = nginx\n");
    for (int i = 9999; i >= 0; i--)
        p += sprintf(p,
                     "[certificate n%d.example]\ndomains = n%d.example www.n%d.example\ncopy = "
                     "fullchain:/etc/%d.pem\n",
                     i, i, i, i);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    c = parse(text, &m);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    ms = (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
    print_message("10,000 certificates: %.0f ms\n", ms);
    assert_non_null(c);
    assert_int_equal(m.n, 0);
    assert_int_equal(c->n_certificates, 10000);
    assert_string_equal(config_find(c, "n4711.example")->domains.v[1], "www.n4711.example");
    assert_true(ms < 2000);
    config_free(c);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_acmed),
        cmocka_unit_test(test_wrong_ca),
        cmocka_unit_test(test_wrong_certificate),
        cmocka_unit_test(test_wrong_sections),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_ten_thousand_certificates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
