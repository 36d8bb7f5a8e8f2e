/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define NAME_SIZE 32

static void final_name(const struct stage *g, char name[NAME_SIZE])
{
    (void)snprintf(name, NAME_SIZE, "%" PRIu64, g->number);
}

static void temporary_name(const struct stage *g, char name[NAME_SIZE])
{
    (void)snprintf(name, NAME_SIZE, STORE_LEFTOVER "%" PRIu64, g->number);
}

static bool fill(struct stage *g, const struct file_content *files, size_t n, struct err *e)
{
    char temporary[NAME_SIZE];

    if (!store_next(&g->lineage, &g->number, e))
        return false;
    temporary_name(g, temporary);
    return dir_remove(&g->lineage, temporary, e) && dir_make(&g->dir, &g->lineage, temporary, 0700, e) &&
           file_set_write(&g->files, &g->dir, files, n, e) && dir_set_mode(&g->dir, 0755, e);
}

bool stage_write(struct stage *g, const struct store *store, const char *lineage,
                 const struct file_content *files, size_t n, struct err *e)
{
    *g = (struct stage){.lineage = DIR_CLOSED, .dir = DIR_CLOSED};
    if (!store_lineage(store, lineage, &g->lineage, e))
        return false;
    if (fill(g, files, n, e))
        return true;
    stage_abandon(g, store, lineage);
    stage_clear(g);
    return false;
}

bool stage_publish(struct stage *g, struct err *e)
{
    char temporary[NAME_SIZE];
    char name[NAME_SIZE];

    temporary_name(g, temporary);
    final_name(g, name);
    g->published = file_set_finish(&g->files, &g->dir, e) && dir_sync(&g->dir, e) &&
                   dir_rename(&g->lineage, temporary, name, e);
    return g->published;
}

bool stage_sync(const struct stage *g, struct err *e)
{
    return dir_sync(&g->lineage, e);
}

void stage_abandon(struct stage *g, const struct store *store, const char *lineage)
{
    char temporary[NAME_SIZE];

    temporary_name(g, temporary);
    if (g->published)
        (void)store_remove(store, lineage, g->number, NULL);
    else if (g->number != 0)
        (void)dir_remove(&g->lineage, temporary, NULL);
}

void stage_clear(struct stage *g)
{
    file_set_close(&g->files);
    dir_close(&g->dir);
    dir_close(&g->lineage);
}
