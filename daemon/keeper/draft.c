/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/draft.h"

bool draft_write_take(struct draft *d, const struct store *store, const char *lineage, struct key *key,
                      struct err *e)
{
    struct buf pem;
    bool ok;

    *d = (struct draft){.key = key, .lineage = DIR_CLOSED, .dir = DIR_CLOSED, .fd = -1};
    buf_init_secret(&pem, FILE_MAX);
    ok = key_to_pem(key, &pem, e) && store_lineage(store, lineage, &d->lineage, e) &&
         dir_make(&d->dir, &d->lineage, DRAFT_DIRECTORY, 0700, e);
    if (ok) {
        d->fd = file_replace_begin(&d->dir,
                                   &(struct file_content){DRAFT_FILE, pem.data, pem.len, FILE_PRIVATE}, e);
        ok = d->fd >= 0;
    }
    buf_clear(&pem);
    if (!ok)
        draft_clear(d);
    return ok;
}

bool draft_publish(struct draft *d, struct err *e)
{
    int fd = d->fd;

    d->fd = -1;
    return file_replace_finish(&d->dir, DRAFT_FILE, fd, e);
}

bool draft_sync(const struct draft *d, struct err *e)
{
    return dir_sync(&d->dir, e) && dir_sync(&d->lineage, e);
}

void draft_clear(struct draft *d)
{
    if (d->fd >= 0)
        file_replace_abandon(&d->dir, DRAFT_FILE, d->fd);
    d->fd = -1;
    dir_close(&d->dir);
    dir_close(&d->lineage);
    key_free(d->key);
    d->key = NULL;
}
