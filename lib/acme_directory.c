/* SPDX-License-Identifier: MIT */
#include "lib/acme_internal.h"

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/ident.h"
#include "lib/json.h"
#include "lib/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAA_IDENTITIES_MAX 8
#define PROFILES_MAX       32
#define PROFILE_TEXT_MAX   200

json_t *acme_body(const struct http_reply *reply, const char *what, struct err *e)
{
    json_t *root = json_read_object(reply->body, reply->body_len, HTTP_REPLY_BODY_MAX, e);

    if (root == NULL)
        err_wrap(e, "the CA's %s (HTTP %d) cannot be used", what, reply->status);
    return root;
}

bool acme_url_copy(char **out, const struct acme_directory *d, const char *what, const char *url,
                   struct err *e)
{
    char *copy;

    if (!http_url_check(url, e)) {
        if (e != NULL)
            e->class = ERR_CLASS_PERMANENT;
        return err_wrap(e, "the CA's %s URL is refused", what);
    }
    if (!http_same_origin(url, d->url))
        return err_set(e, ERR_CLASS_PERMANENT,
                       "the CA's %s URL %.200s is refused: it is on another host than %.200s", what, url,
                       d->url);
    copy = strdup(url);
    if (copy == NULL)
        return err_nomem(e, "a URL");
    *out = copy;
    return true;
}

int acme_name_find(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

static bool directory_url(char **out, const struct acme_directory *d, const json_t *root, const char *name,
                          struct err *e)
{
    const char *url;

    return json_need_string(root, name, &url, e) && acme_url_copy(out, d, name, url, e);
}

/* Optional, and of no use when it is not what it should be: nobody loses his certificate over it. */
static bool optional_url(char **out, const struct acme_directory *d, const json_t *root, const char *name,
                         struct err *e)
{
    const char *url = json_string_value(json_object_get(root, name));

    struct err why;

    if (url == NULL || acme_url_copy(out, d, name, url, &why))
        return true;
    return why.class != ERR_CLASS_INTERNAL || err_nomem(e, "a directory");
}

/* Names that the configuration could not hold are left out: nobody can choose them. */
static bool read_profiles(struct acme_directory *d, const json_t *meta, struct err *e)
{
    const json_t *profiles;
    const json_t *text;
    const char *name;

    if (!json_member_object(meta, "profiles", &profiles, e))
        return false;
    /* NOLINTNEXTLINE(bugprone-casting-through-void): jansson's own */
    json_object_foreach((json_t *)profiles, name, text)
    {
        const char *s = json_string_value(text) != NULL ? json_string_value(text) : "";

        if (d->profiles.n == PROFILES_MAX || !config_profile_valid(name))
            continue;
        if (!strv_add(&d->profiles, name) || !strv_addn(&d->profile_texts, s, utf8_cut(s, PROFILE_TEXT_MAX)))
            return err_nomem(e, "a directory");
    }
    return true;
}

/* Only shown: what is no string, or no name, is left out. */
static bool read_identity(struct acme_directory *d, const json_t *meta, struct err *e)
{
    const json_t *list = json_object_get(meta, "caaIdentities");
    const char *website = json_string_value(json_object_get(meta, "website"));
    char name[IDENT_MAX + 1];

    for (size_t i = 0; i < json_array_size(list) && d->caa_identities.n < CAA_IDENTITIES_MAX; i++) {
        const char *s = json_string_value(json_array_get(list, i));

        if (s != NULL && ident_dns(s, name, NULL) && !strv_add(&d->caa_identities, name))
            return err_nomem(e, "a directory");
    }
    if (website == NULL)
        return true;
    d->website = strndup(website, utf8_cut(website, HTTP_URL_MAX));
    return d->website != NULL || err_nomem(e, "a directory");
}

/* meta: what the CA says of itself. Only shown, never requested. */
static bool read_meta(struct acme_directory *d, const json_t *root, struct err *e)
{
    const json_t *meta;
    const char *terms;

    if (!json_member_object(root, "meta", &meta, e))
        return false;
    if (!json_member_string(meta, "termsOfService", &terms, e) ||
        !json_member_bool(meta, "externalAccountRequired", false, &d->eab_required, e) ||
        !read_profiles(d, meta, e) || !read_identity(d, meta, e))
        return err_wrap(e, "in \"meta\"");
    if (terms == NULL)
        return true;
    d->terms = strndup(terms, HTTP_URL_MAX);
    return d->terms != NULL || err_nomem(e, "a directory");
}

static bool read_directory(struct acme_directory *d, const json_t *root, struct err *e)
{
    return directory_url(&d->new_nonce, d, root, "newNonce", e) &&
           directory_url(&d->new_account, d, root, "newAccount", e) &&
           directory_url(&d->new_order, d, root, "newOrder", e) &&
           optional_url(&d->renewal_info, d, root, "renewalInfo", e) &&
           optional_url(&d->revoke_cert, d, root, "revokeCert", e) &&
           optional_url(&d->key_change, d, root, "keyChange", e) && read_meta(d, root, e);
}

bool acme_directory_parse(struct acme_directory *d, const char *url, const struct http_reply *reply,
                          struct err *e)
{
    struct acme_directory new = {0};
    json_t *root;
    bool ok;

    if (!http_url_check(url, e))
        return err_wrap(e, "directory");
    if (reply->status != 200)
        return err_set(e, ERR_CLASS_TRANSIENT, "directory %.200s: HTTP %d", url, reply->status);
    root = acme_body(reply, "directory", e);
    if (root == NULL)
        return err_wrap(e, "%.200s", url);
    new.url = strdup(url);
    ok = new.url != NULL ? read_directory(&new, root, e) : err_nomem(e, "a directory");
    json_decref(root);
    if (!ok) {
        acme_directory_clear(&new);
        return err_wrap(e, "directory %.200s", url);
    }
    *d = new;
    return true;
}

void acme_directory_clear(struct acme_directory *d)
{
    free(d->url);
    free(d->new_nonce);
    free(d->new_account);
    free(d->new_order);
    free(d->renewal_info);
    free(d->website);
    strv_clear(&d->caa_identities);
    strv_clear(&d->profiles);
    strv_clear(&d->profile_texts);
    free(d->revoke_cert);
    free(d->key_change);
    free(d->terms);
    *d = (struct acme_directory){0};
}

void acme_directory_describe_profiles(const struct acme_directory *d, char *text, size_t size)
{
    struct buf b;

    buf_init(&b, size);
    (void)buf_addstr(&b, d->profiles.n > 0 ? "it offers" : "it offers no choice of profiles");
    for (size_t i = 0; i < d->profiles.n; i++) {
        (void)buf_addf(&b, "%s %s", i > 0 ? "," : "", d->profiles.v[i]);
        if (*d->profile_texts.v[i] != '\0')
            (void)buf_addf(&b, " (%s)", d->profile_texts.v[i]);
    }
    (void)snprintf(text, size, "%s", b.data != NULL ? b.data : "");
    utf8_make_printable(text);
    buf_clear(&b);
}

bool acme_directory_check_profile(const struct acme_directory *d, const char *profile, struct err *e)
{
    char offered[ERR_TEXT_MAX / 2];

    if (profile == NULL || strv_contains(&d->profiles, profile))
        return true;
    acme_directory_describe_profiles(d, offered, sizeof offered);
    return err_set(e, ERR_CLASS_CONFIG, "the CA has no profile \"%s\": %s", profile, offered);
}
