/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_FLEET_H
#define ACMED_ENGINE_FLEET_H

/* All certificates, the CAs they use, and who may order now: so many at once (lib/places.h), the most urgent
 * first. */

#include "daemon/engine/authority.h"
#include "daemon/engine/certificate.h"

struct fleet;

/* Loads every configured certificate and every other that is live. NULL with e. */
struct fleet *fleet_new(struct engine *g, struct err *e);
void fleet_free(struct fleet *f);
/* The engine serves. reloaded: an administrator has just changed the configuration: what failed for good may
 * be tried again. */
void fleet_start(struct fleet *f, bool reloaded);
/* The clock was set, the port is free ...: every plan is made again. */
void fleet_replan(struct fleet *f);

size_t fleet_count(const struct fleet *f);
struct certificate *fleet_at(const struct fleet *f, size_t i);           /* in name order */
struct certificate *fleet_find(const struct fleet *f, const char *name); /* NULL: none */
/* A configured name with a live certificate. host: lower case. */
bool fleet_is_live(const struct fleet *f, const char *host);

struct authority *fleet_authority(struct fleet *f, const struct config_ca *ca);
size_t fleet_authority_count(const struct fleet *f);
struct authority *fleet_authority_at(const struct fleet *f, size_t i);

/* Existing certificates go before new ones, and those first whose time is up first; among those whose time is
 * up at about the same moment what is exempt from most of the CA's limits, because it takes no room from
 * others. */
bool fleet_is_more_urgent(const struct certificate *a, const struct certificate *b);
/* The certificate is due: it starts as soon as there is a place. */
void fleet_queue(struct fleet *f, struct certificate *c);
/* Its issuance ended: the place is free. */
void fleet_done(struct fleet *f, struct certificate *c);
/* An order under way waits for a key that takes long to make, or no longer does: what makes keys is the same
 * for all CAs, so that there is a bound on these. */
void fleet_wait_for_key(struct fleet *f, bool waits);
/* What is had from this CA is not what it was. */
void fleet_changed(const struct fleet *f, const struct config_ca *ca);
/* A gate may have opened, or there is a place again. */
void fleet_reconsider(struct fleet *f);
unsigned fleet_in_flight(const struct fleet *f);
const struct certificate *fleet_in_flight_at(const struct fleet *f, unsigned i); /* in no order */
unsigned fleet_waiting(const struct fleet *f);

#endif
