/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/sandbox.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Resolves in libcurl's thread and is refused by a closed port: everything up to there works under
 * confinement. */
static CURLcode ask(const char *url)
{
    CURLM *multi = curl_multi_init();
    CURL *easy = curl_easy_init();
    CURLcode rc = CURLE_FAILED_INIT;
    CURLMsg *m;
    int running = 1, left;

    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT, 10L);
    (void)curl_multi_add_handle(multi, easy);
    while (running > 0 && curl_multi_perform(multi, &running) == CURLM_OK)
        (void)curl_multi_poll(multi, NULL, 0, 100, NULL);
    while ((m = curl_multi_info_read(multi, &left)) != NULL)
        rc = m->data.result;
    (void)curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
    (void)curl_multi_cleanup(multi);
    return rc;
}

static void test_libcurl_and_libevent_work_confined(void **state)
{
    struct sandbox_paths paths = {0};
    struct event_base *base;
    struct err e;
    int status;
    pid_t pid;

    (void)state;
    pid = fork();
    if (pid == 0) {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !sandbox_engine(&paths, &e))
            _exit(10);
        base = event_base_new();
        if (base == NULL || event_base_loop(base, EVLOOP_NONBLOCK) < 0)
            _exit(11);
        event_base_free(base);
        if (ask("https://localhost:1/") != CURLE_COULDNT_CONNECT)
            _exit(12);
        if (ask("https://[::1]:1/") != CURLE_COULDNT_CONNECT)
            _exit(13);
        curl_global_cleanup();
        _exit(sandbox_unknown_syscalls() == 0 ? 0 : 14);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_libcurl_and_libevent_work_confined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
