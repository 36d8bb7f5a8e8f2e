/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TEST_CTL_FLEET_H
#define ACMED_TEST_CTL_FLEET_H

/* Certificates in various states, as the daemon would tell of them at TEST_NOW. */

#define TEST_NOW 1790000000 /* 2026-09-21 14:13:20 UTC */

#define TEST_VALID                                                                                           \
    "{\"name\":\"example.com\",\"lineage\":\"example.com\",\"domains\":[\"example.com\",\"www.example."      \
    "com\"],"                                                                                                \
    "\"key_type\":\"ecdsa-p256\",\"ca\":\"letsencrypt\",\"generation\":3,\"state\":\"valid\",\"issuer\":"    \
    "\"R11\","                                                                                               \
    "\"serial\":\"03ab12\",\"not_before\":1787321600,\"not_after\":1795097600,\"renew_at\":1792505600,"      \
    "\"next_action\":\"renew\",\"next_at\":1792505600,\"reason\":\"one third of the lifetime is left\","     \
    "\"last_error\":null,\"attempts\":0,\"last_issued\":1787321600,\"reuse_key\":false,\"verify\":true,"     \
    "\"deploy\":{\"generation\":3,\"step\":\"done\",\"attempts\":0,\"next_at\":0,\"done_at\":1787321600,"    \
    "\"served_at\":1787321600,\"last_error\":null,\"note\":null}}"

#define TEST_VALID_BUT(error, alarm)                                                                         \
    "{\"name\":\"example.com\",\"lineage\":\"example.com\",\"domains\":[\"example.com\"],"                   \
    "\"key_type\":\"ecdsa-p256\",\"ca\":\"letsencrypt\",\"generation\":3,\"state\":\"valid\",\"issuer\":"    \
    "\"R11\",\"serial\":\"03ab12\",\"not_before\":1787321600,\"not_after\":1795097600,\"renew_at\":"         \
    "1792505600,\"next_action\":\"renew\",\"next_at\":1792505600,\"reason\":\"one third of the lifetime is " \
    "left\",\"last_error\":" error ",\"alarm\":" alarm                                                       \
    ",\"attempts\":0,\"last_issued\":1787321600,\"verify\":false,\"reuse_key\":false,"                       \
    "\"deploy\":{\"generation\":3,\"step\":\"done\",\"attempts\":0,\"next_at\":0,\"done_at\":0,"             \
    "\"served_at\":0,\"last_error\":null,\"note\":null}}"
#define TEST_ALARMED TEST_VALID_BUT("null", "\"the account was ended\"")
#define TEST_REQUEST_FAILED                                                                                  \
    TEST_VALID_BUT("{\"at\":1789999280,\"class\":\"permanent\",\"text\":\"CAA forbids it\"}", "null")

#define TEST_SUGGESTED                                                                                       \
    "{\"name\":\"example.com\",\"lineage\":\"example.com\",\"domains\":[\"example.com\"],"                   \
    "\"key_type\":\"ecdsa-p256\",\"ca\":\"letsencrypt\",\"generation\":3,\"state\":\"valid\",\"issuer\":"    \
    "\"R11\",\"serial\":\"03ab12\",\"not_before\":1787321600,\"not_after\":1795097600,\"renew_at\":"         \
    "1792505600,"                                                                                            \
    "\"next_action\":\"renew\",\"next_at\":1792505600,\"reason\":\"the time of renewal that the CA "         \
    "suggests\","                                                                                            \
    "\"last_error\":null,\"attempts\":0,\"last_issued\":1787321600,\"reuse_key\":true,\"verify\":false,"     \
    "\"cas\":[\"letsencrypt\",\"zerossl\"],\"challenge\":\"dns-01\",\"profile\":\"classic\",\"ari\":{"       \
    "\"id\":\"aYhb.AId\",\"window_start\":1792500000,\"window_end\":"                                        \
    "1792600000,\"chosen_at\":1792505600,\"explanation\":\"https://ca.example/"                              \
    "why\",\"polled_at\":1789990000,"                                                                        \
    "\"next_poll\":1790010000,\"error\":\"HTTP 503 without a problem "                                       \
    "document\",\"failures\":1,\"refused\":1},"                                                              \
    "\"deploy\":{\"generation\":3,\"step\":\"done\",\"attempts\":0,\"next_at\":0,\"done_at\":1787321600,"    \
    "\"served_at\":0,\"last_error\":null,\"note\":null}}"

#define TEST_FAILING                                                                                         \
    "{\"name\":\"broken.department.company.example.net\",\"lineage\":\"broken.department.company.example."   \
    "net\","                                                                                                 \
    "\"domains\":[\"broken.department.company.example.net\"],"                                               \
    "\"key_type\":\"ecdsa-p256\",\"ca\":\"letsencrypt\",\"generation\":1,\"state\":\"failing\",\"issuer\":"  \
    "\"R11\","                                                                                               \
    "\"serial\":\"04\",\"not_before\":1783952000,\"not_after\":1791728000,\"renew_at\":1789136000,"          \
    "\"next_action\":\"order again\",\"next_at\":1790002900,\"reason\":\"one third of the lifetime is "      \
    "left\","                                                                                                \
    "\"last_error\":{\"at\":1789999280,\"class\":\"permanent\",\"text\":\"the CA answered 403, "             \
    "unauthorized: "                                                                                         \
    "broken.department.company.example.net: 203.0.113.7 answered "                                           \
    "404\"},\"attempts\":3,\"last_issued\":1783952000,"                                                      \
    "\"reuse_key\":false,\"verify\":false,\"deploy\":{\"generation\":1,\"step\":\"done\",\"attempts\":0,"    \
    "\"next_at\":0,"                                                                                         \
    "\"done_at\":1783952000,\"served_at\":0,\"last_error\":null,\"note\":null}}"

#define TEST_MISSING                                                                                         \
    "{\"name\":\"new.example.org\",\"lineage\":\"new.example.org\",\"domains\":[\"new.example.org\"],"       \
    "\"key_type\":\"ecdsa-p256\",\"ca\":\"letsencrypt\",\"generation\":0,\"state\":\"ordering\",\"issuer\":" \
    "null,"                                                                                                  \
    "\"serial\":null,\"not_before\":0,\"not_after\":0,\"renew_at\":0,\"next_action\":\"validate with the "   \
    "CA\","                                                                                                  \
    "\"next_at\":0,\"reason\":\"there is no "                                                                \
    "certificate\",\"last_error\":null,\"attempts\":0,\"last_issued\":0,"                                    \
    "\"reuse_key\":false,\"verify\":false,\"deploy\":{\"generation\":0,\"step\":\"copy\",\"attempts\":0,"    \
    "\"next_at\":0,\"done_"                                                                                  \
    "at\":0,"                                                                                                \
    "\"served_at\":0,\"last_error\":null,\"note\":null}}"

#define TEST_DEPLOYING                                                                                       \
    "{\"name\":\"hook.example.org\",\"lineage\":\"hook.example.org\",\"domains\":[\"hook.example.org\"],"    \
    "\"key_type\":\"ecdsa-p256\",\"ca\":\"letsencrypt\",\"generation\":4,\"state\":\"deploying\","           \
    "\"issuer\":\"R11\","                                                                                    \
    "\"serial\":\"05\",\"not_before\":1789992800,\"not_after\":1797768800,\"renew_at\":1795176800,"          \
    "\"next_action\":\"run the hook again\",\"next_at\":1790000600,\"reason\":null,\"last_error\":null,"     \
    "\"attempts\":0,\"last_issued\":1789992800,\"reuse_key\":false,\"verify\":true,\"deploy\":{"             \
    "\"generation\":4,\"step\":"                                                                             \
    "\"hook\","                                                                                              \
    "\"attempts\":2,\"next_at\":1790000600,\"done_at\":0,\"served_at\":0,\"last_error\":{\"at\":1789999940," \
    "\"class\":\"transient\",\"text\":\"the hook exited with status 1\"},\"note\":null}}"

#define TEST_QUEUED                                                                                          \
    "{\"name\":\"next.example.org\",\"lineage\":\"next.example.org\",\"domains\":[\"next.example.org\"],"    \
    "\"key_type\":\"ecdsa-p256\",\"ca\":\"letsencrypt\",\"generation\":0,\"state\":\"missing\",\"issuer\":"  \
    "null,\"serial\":null,\"not_before\":0,\"not_after\":0,\"renew_at\":0,\"next_action\":\"issue when an "  \
    "order in flight has ended\",\"next_at\":0,\"reason\":\"there is no certificate\",\"last_error\":null,"  \
    "\"attempts\":0,\"last_issued\":0,\"reuse_key\":false,\"verify\":false,\"deploy\":{\"generation\":0,"    \
    "\"step\":\"copy\",\"attempts\":0,\"next_at\":0,\"done_at\":0,\"served_at\":0,\"last_error\":null,"      \
    "\"note\":null}}"

#define TEST_DAEMON(warnings)                                                                                \
    "{\"version\":\"0.1.0\",\"pid\":1,\"started_at\":1,\"now\":1790000000,\"orders_in_flight\":0,"           \
    "\"orders_waiting\":0,\"repeated_orders\":0,\"warnings\":[" warnings "],\"cas\":[],\"confinement\":{}}"

#endif
