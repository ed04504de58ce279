/*
 * settings.h. Between the configuration and the handlers; must not read files.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "settings.h"

struct settings_place {
	pthread_mutex_t mutex;
	struct settings *settings; /* owned: one reference; guarded by mutex */
};

struct settings *
settings_create(struct config *config, bool own, const char *file, char error[512])
{
	struct settings *settings = calloc(1, sizeof *settings);

	if (settings == NULL) {
		snprintf(error, 512, "out of memory");
		if (own)
			config_free(config);
		return NULL;
	}
	settings->config = config;
	settings->owned = own ? config : NULL;
	atomic_store(&settings->references, 1);
	if ((settings->sampling = sampling_create(config, file, error)) == NULL ||
	    (settings->pages = page_rules_create(config, file, error)) == NULL) {
		settings_release(settings);
		return NULL;
	}
	return settings;
}

void
settings_release(struct settings *settings)
{
	if (settings == NULL || atomic_fetch_sub(&settings->references, 1) != 1)
		return;
	sampling_free(settings->sampling);
	page_rules_free(settings->pages);
	config_free(settings->owned);
	free(settings);
}

struct settings_place *
settings_place_create(struct settings *settings)
{
	struct settings_place *place = calloc(1, sizeof *place);

	if (place == NULL)
		return NULL;
	pthread_mutex_init(&place->mutex, NULL);
	place->settings = settings;
	return place;
}

void
settings_place_free(struct settings_place *place)
{
	if (place == NULL)
		return;
	settings_release(place->settings);
	pthread_mutex_destroy(&place->mutex);
	free(place);
}

struct settings *
settings_hold(struct settings_place *place)
{
	struct settings *settings;

	pthread_mutex_lock(&place->mutex);
	settings = place->settings;
	atomic_fetch_add(&settings->references, 1);
	pthread_mutex_unlock(&place->mutex);
	return settings;
}

void
settings_replace(struct settings_place *place, struct settings *settings)
{
	struct settings *old;

	pthread_mutex_lock(&place->mutex);
	old = place->settings;
	place->settings = settings;
	pthread_mutex_unlock(&place->mutex);
	settings_release(old);
}
