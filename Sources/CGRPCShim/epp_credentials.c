#include <pthread.h>
#include <stdlib.h>

#include "epp_internal.h"

/* The PEM texts of a TLS port. */
typedef struct pem_texts {
  char *certificate_chain;
  char *private_key;
  char *client_authority;
} pem_texts;

struct epp_credentials {
  grpc_server_credentials *core;
  pthread_mutex_t lock;
  pem_texts texts;
  /* Whether the core has not fetched the texts yet. */
  int is_new;
};

static char *copy(const char *text) {
  if (text == NULL) return NULL;
  char *result = strdup(text);
  if (result == NULL) abort();
  return result;
}

static pem_texts copy_texts(const char *certificate_chain, const char *private_key, const char *client_authority) {
  pem_texts result = {copy(certificate_chain), copy(private_key), copy(client_authority)};
  return result;
}

static void free_texts(pem_texts texts) {
  free(texts.certificate_chain);
  free(texts.private_key);
  free(texts.client_authority);
}

static epp_credentials *create(void) {
  epp_credentials *credentials = calloc(1, sizeof *credentials);
  if (credentials == NULL) abort();
  pthread_mutex_init(&credentials->lock, NULL);
  return credentials;
}

/* Called by the core before the first handshake of a port and before each further one. */
static grpc_ssl_certificate_config_reload_status fetch(void *argument, grpc_ssl_server_certificate_config **config) {
  epp_credentials *credentials = argument;
  pthread_mutex_lock(&credentials->lock);
  int is_new = credentials->is_new;
  credentials->is_new = 0;
  if (is_new) {
    grpc_ssl_pem_key_cert_pair pair = {
        .private_key = credentials->texts.private_key, .cert_chain = credentials->texts.certificate_chain};
    /* The core wants authorities in any case. Where clients are asked for no certificate it does not use them. */
    const char *authority = credentials->texts.client_authority;
    *config = grpc_ssl_server_certificate_config_create(
        authority == NULL ? credentials->texts.certificate_chain : authority, &pair, 1);
  }
  pthread_mutex_unlock(&credentials->lock);
  return is_new ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW : GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
}

epp_credentials *epp_credentials_tls(
    const char *certificate_chain, const char *private_key, const char *client_authority) {
  epp_credentials *credentials = create();
  credentials->texts = copy_texts(certificate_chain, private_key, client_authority);
  credentials->is_new = 1;
  grpc_ssl_client_certificate_request_type request =
      client_authority == NULL ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                               : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  credentials->core = grpc_ssl_server_credentials_create_with_options(
      grpc_ssl_server_credentials_create_options_using_config_fetcher(request, fetch, credentials));
  return credentials;
}

void epp_credentials_replace(
    epp_credentials *credentials, const char *certificate_chain, const char *private_key,
    const char *client_authority) {
  pem_texts texts = copy_texts(certificate_chain, private_key, client_authority);
  pthread_mutex_lock(&credentials->lock);
  pem_texts previous = credentials->texts;
  credentials->texts = texts;
  credentials->is_new = 1;
  pthread_mutex_unlock(&credentials->lock);
  free_texts(previous);
}

epp_credentials *epp_credentials_plain(void) {
  epp_credentials *credentials = create();
  credentials->core = grpc_insecure_server_credentials_create();
  return credentials;
}

void epp_credentials_destroy(epp_credentials *credentials) {
  grpc_server_credentials_release(credentials->core);
  free_texts(credentials->texts);
  pthread_mutex_destroy(&credentials->lock);
  free(credentials);
}

grpc_server_credentials *epp_grpc_credentials(epp_credentials *credentials) { return credentials->core; }
