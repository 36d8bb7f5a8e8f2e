/* SPDX-License-Identifier: MIT */
#include "daemon/engine/issuance_parts.h"

#include "daemon/engine/fleet.h"
#include "daemon/engine/withdrawal.h"
#include "daemon/log.h"
#include "lib/ari.h"
#include "lib/cert.h"

#include <stdlib.h>
#include <string.h>

static void on_saved(void *arg, const struct err *e)
{
    struct issuance *i = arg;

    if (e != NULL && order_url(i->order) == NULL)
        journal_drop_order(&i->c->journal); /* only its intent could not be written: nothing was sent */
    if (e != NULL)
        issuance_step_error(i, e);
    else
        issuance_step_done(i);
}

static bool remember(char **slot, const char *value)
{
    char *copy = strdup(value);

    if (copy == NULL)
        return false;
    free(*slot);
    *slot = copy;
    return true;
}

/* The order was placed at once without what the CA would not have, and that is not held against the
 * certificate; but it is counted, and not tried again for this one. */
static void note_refusal(struct issuance *i)
{
    const struct err *why = order_replaces_refused(i->order);

    if (why == NULL)
        return;
    (void)ari_refused(&i->c->journal.ari, &i->c->facts, engine_now(), NULL);
    log_notice(i->c->name,
               "the CA did not take the order as one that replaces the live certificate (%s); it was placed "
               "again without saying so",
               why->text);
}

bool issuance_save(struct issuance *i, struct err *e)
{
    const struct config_certificate *config = i->c->config;
    struct journal *j = &i->c->journal;
    const char *url = order_url(i->order);
    char *names;
    bool ok;

    if (url == NULL) {
        if (journal_has_order(j) && j->order_url == NULL) {
            j->repeated_orders++;
            log_notice(i->c->name,
                       "what became of the last request for an order is not known; it is ordered again");
        }
        journal_drop_order(j);
        names = strv_join(&config->domains, " ");
        ok = names != NULL && remember(&j->order_names, names) && remember(&j->order_ca, i->c->ca->name) &&
             remember(&j->order_directory, i->c->ca->directory) &&
             remember(&j->order_key_type, key_type_to_str(config->key)) &&
             (config->profile == NULL || remember(&j->order_profile, config->profile));
        free(names);
        j->order_created = engine_now();
    } else {
        ok = remember(&j->order_url, url);
        note_refusal(i);
    }
    if (!ok || !certificate_save(i->c, on_saved, i))
        return err_nomem(e, "the journal");
    return true;
}

static void on_reply(void *arg, const struct http_reply *reply, const struct err *e)
{
    struct issuance *i = arg;
    const struct order_event event = {
        .kind = reply != NULL ? ORDER_EV_REPLY : ORDER_EV_ERROR, .reply = reply, .error = e};

    i->post = NULL;
    issuance_wait_for_key(i, false);
    i->no_nonce = reply == NULL && e->class == ERR_CLASS_RATE_LIMITED;
    issuance_step(i, &event);
}

static void on_ordered(void *arg, const struct http_reply *reply, const struct err *e)
{
    struct issuance *i = arg;

    fleet_reconsider(i->g->fleet); /* how far away the CA is may be known now */
    on_reply(arg, reply, e);
}

bool issuance_post(struct issuance *i, const struct order_action *a, struct err *e)
{
    static const struct {
        enum ipc_type what;
        bool for_lineage; /* the keeper wants to know for which lineage, not only at which CA */
    } posts[] = {
        [ORDER_POST_NEW_ORDER] = {IPC_SIGN_NEW_ORDER, true},
        [ORDER_POST_FETCH] = {IPC_SIGN_FETCH, false},
        [ORDER_POST_ANSWER] = {IPC_SIGN_ANSWER, false},
        [ORDER_POST_FINALIZE] = {IPC_SIGN_FINALIZE, true},
    };
    const char *subject = posts[a->post].for_lineage ? i->c->name : i->c->ca->name;

    i->post = a->post == ORDER_POST_NEW_ORDER
                  ? authority_post_order(i->authority, IPC_SIGN_NEW_ORDER, subject, a->url, a->replaces,
                                         on_ordered, i)
                  : authority_post(i->authority, posts[a->post].what, subject, a->url, on_reply, i);
    if (i->post == NULL)
        return err_nomem(e, "a request to the CA");
    issuance_wait_for_key(i, a->post == ORDER_POST_FINALIZE && key_type_is_slow(i->c->config->key));
    return true;
}

static void on_presented(void *arg, const struct err *e)
{
    issuance_rest(arg, false);
    on_saved(arg, e);
}

bool issuance_present(struct issuance *i, struct err *e)
{
    if (i->solver == NULL)
        i->solver = solver_new(i->g, i->authority, i->c, on_presented, i);
    if (i->solver == NULL)
        return err_nomem(e, "the challenges");
    withdraw_forget(i->g->withdrawals, i->c); /* an order that is resumed has the same tokens */
    issuance_rest(i, challenge_type_is_dns(i->c->config->challenge));
    return solver_present(i->solver, i->order, e);
}

/* Is what was installed what had been in use when the order was placed? The keeper takes it twice, for an
 * installation that was cut off before the journal told of it; that is of an order that is resumed. When the
 * journal has told, its order was dropped, and the one that is resumed now was placed later. */
static bool is_used_already(const struct issuance *i, unsigned generation)
{
    const struct certificate *c = i->c;

    return c->has_facts && generation == c->generation &&
           (!order_is_resumed(i->order) || generation == c->journal.issued_generation);
}

static void on_installed(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct issuance *i = arg;
    struct err own;

    i->request = 0;
    if (m != NULL && m->type == IPC_INSTALLED && is_used_already(i, (unsigned)m->field[0].u)) {
        err_set(&own, ERR_CLASS_TRANSIENT,
                "the CA gave back an order that was used already, of the certificate that is in use; nothing "
                "new was issued");
        issuance_step_error(i, &own);
        return;
    }
    if (m != NULL && m->type == IPC_INSTALLED) {
        i->generation = (unsigned)m->field[0].u;
        issuance_step_done(i);
        return;
    }
    if (m != NULL) {
        err_set(&own, ERR_CLASS_INTERNAL, "the keeper answered an installation with \"%s\"",
                ipc_type_to_str(m->type));
        e = &own;
    }
    issuance_step_error(i, e);
}

bool issuance_install(struct issuance *i, const struct order_action *a, struct err *e)
{
    if (order_chain_note(i->order) != NULL)
        log_notice(i->c->name, "%s", order_chain_note(i->order));
    if (strlen(a->chain) != a->chain_len)
        return err_set(e, ERR_CLASS_TRANSIENT, "the downloaded chain holds a NUL byte");
    free(i->chain);
    i->chain = cert_top_issuer(a->chain, a->chain_len, NULL);
    i->request = link_request(i->g->keeper, on_installed, i, IPC_INSTALL, i->c->name, a->chain);
    return i->request != 0 || err_set(e, ERR_CLASS_TRANSIENT, "the downloaded chain is too large");
}

static void on_discarded(void *arg, const struct ipc_msg *m, const struct err *e)
{
    const struct certificate *c = arg;

    (void)m;
    if (e != NULL)
        log_warning(c->name,
                    "the key that the CA refused could not be discarded: %s; the next order uses it again",
                    e->text);
}

void issuance_discard_key(struct issuance *i)
{
    (void)link_request(i->g->keeper, on_discarded, i->c, IPC_DISCARD_KEY, i->c->name);
}
