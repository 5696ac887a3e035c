#include <stdlib.h>
#include <string.h>

#include "dured/daemon.h"

static struct store_item *item_take(struct store *store)
{
    struct store_item *item = store->spare;

    if (item != NULL)
        store->spare = item->next;
    else
        item = calloc(1, sizeof *item);
    DURE_ASSERT(item != NULL); /* a batch that cannot be stored ends the process: recovery begins at the disk */
    item->next = NULL;
    item->batch = NULL;
    item->read = NULL;
    item->err = DURE_OK;
    return item;
}

static void put(struct store *store, struct store_item *item)
{
    store->outstanding++;
    pthread_mutex_lock(&store->lock);
    *store->last = item;
    store->last = &item->next;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->lock);
}

void store_append(struct store *store, struct dure_batch *batch)
{
    struct store_item *item = item_take(store);

    item->batch = batch;
    put(store, item);
}

void store_read(struct store *store, struct dure_store_read *read)
{
    struct store_item *item = item_take(store);

    item->read = read;
    put(store, item);
}

void store_wake_owner(struct store *store)
{
    uv_async_send(&store->async);
}

static void work(struct store *store, struct store_item *item)
{
    if (item->batch != NULL) {
        item->error.text[0] = '\0';
        item->err = dure_journal_append(store->journal, dure_batch_journal(item->batch), &item->error);
    } else {
        item->read->read(item->read, store->journal);
    }
    pthread_mutex_lock(&store->lock);
    bool first = store->done == NULL;
    *store->done_last = item;
    store->done_last = &item->next;
    pthread_mutex_unlock(&store->lock);
    if (first)
        uv_async_send(&store->async);
}

static void *run(void *context)
{
    struct store *store = context;
    struct store_item *item;

    store->begin(store);
    uv_async_send(&store->async);
    for (;;) {
        pthread_mutex_lock(&store->lock);
        while (store->first == NULL && !store->stop)
            pthread_cond_wait(&store->wake, &store->lock);
        item = store->first;
        if (item != NULL) {
            store->first = item->next;
            if (store->first == NULL)
                store->last = &store->first;
            item->next = NULL;
        }
        pthread_mutex_unlock(&store->lock);
        if (item == NULL)
            break;
        work(store, item);
    }
    dure_journal_close(store->journal);
    store->journal = NULL;
    return NULL;
}

static void on_async(uv_async_t *async)
{
    struct store *store = async->data;
    struct store_item *item, *next;

    pthread_mutex_lock(&store->lock);
    item = store->done;
    store->done = NULL;
    store->done_last = &store->done;
    pthread_mutex_unlock(&store->lock);
    if (item == NULL)
        store->finished(store, NULL);
    for (; item != NULL; item = next) {
        next = item->next;
        store->outstanding--;
        store->finished(store, item);
        item->next = store->spare;
        store->spare = item;
    }
}

enum dure_err store_start(struct store *store, uv_loop_t *loop, struct dure_error *error)
{
    store->last = &store->first;
    store->done_last = &store->done;
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->wake, NULL);
    uv_async_init(loop, &store->async, on_async);
    store->async.data = store;
    if (pthread_create(&store->thread, NULL, run, store) != 0)
        return dure_fail(error, DURE_E_MEMORY, "no thread for the store");
    store->started = true;
    return DURE_OK;
}

void store_stop(struct store *store)
{
    if (store->started) {
        pthread_mutex_lock(&store->lock);
        store->stop = true;
        pthread_cond_signal(&store->wake);
        pthread_mutex_unlock(&store->lock);
        pthread_join(store->thread, NULL);
        store->started = false;
    }
    while (store->spare != NULL) {
        struct store_item *next = store->spare->next;
        free(store->spare);
        store->spare = next;
    }
}
