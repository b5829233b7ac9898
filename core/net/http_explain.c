/* SPDX-License-Identifier: Apache-2.0
 *
 * libcurl's codes as our statuses and sentences. They name host and port and nothing else of the
 * request: its path, query and headers carry keys.
 */
#include "net/http_private.h"

void http_code_explain(const char *label, CURLcode code, struct error *ret)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        error_set(ret, TROUPE_UNAVAILABLE,
                  "cannot resolve the name of \"%s\"; check it and the DNS", label);
        break;
    case CURLE_COULDNT_RESOLVE_PROXY:
        error_set(ret, TROUPE_UNAVAILABLE, "cannot resolve the proxy's name; check [http] proxy");
        break;
    case CURLE_COULDNT_CONNECT:
        error_set(ret, TROUPE_UNAVAILABLE,
                  "cannot connect to \"%s\": refused or unreachable; is the server running", label);
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        error_set(ret, TROUPE_FAILED,
                  "the certificate of \"%s\" could not be verified; a private CA belongs in [http] "
                  "ca_file",
                  label);
        break;
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_USE_SSL_FAILED:
        error_set(ret, TROUPE_FAILED, "TLS with \"%s\" cannot be set up: %s", label,
                  curl_easy_strerror(code));
        break;
    case CURLE_SSL_CACERT_BADFILE:
        error_set(ret, TROUPE_FAILED, "the CA file cannot be read; check [http] ca_file");
        break;
    case CURLE_SSL_CONNECT_ERROR:
        error_set(ret, TROUPE_FAILED, "no TLS session with \"%s\"; does it speak https", label);
        break;
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
        error_set(ret, TROUPE_DATA, "what \"%s\" answered is no proper HTTP", label);
        break;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        error_set(ret, TROUPE_IO, "\"%s\" closed the connection before the answer was whole",
                  label);
        break;
    default:
        /* libcurl's fixed sentence, which holds nothing of the request. TROUPE_IO, since the other
         * statuses promise to whoever booked money for it that nothing had left. */
        error_set(ret, TROUPE_IO, "the request to \"%s\" failed: %s", label,
                  curl_easy_strerror(code));
        break;
    }
}

troupe_status http_transfer_explain(struct http_transfer *transfer, CURLcode code)
{
    const char *label = http_url_label(&transfer->url);
    struct error *ret = transfer->failure;

    if (ret)
        return ret->status;
    if (code == CURLE_OK)
        return TROUPE_END;
    ret = http_transfer_failure(transfer);
    switch (code) {
    case CURLE_COULDNT_CONNECT:
        if (transfer->denied && transfer->denied_public)
            error_set(ret, TROUPE_DENIED,
                      "\"%s\" is not on this machine or in its private networks, and [http] "
                      "local_only allows nothing else; use a local server or remove local_only",
                      label);
        else if (transfer->denied)
            error_set(ret, TROUPE_DENIED,
                      "\"%s\" leads to a private or reserved address; if that is meant, configure "
                      "it as an endpoint or list it in [http] allow_private",
                      label);
        else
            http_code_explain(label, code, ret);
        break;
    case CURLE_OPERATION_TIMEDOUT: /* the connect timeout: all other times are watched by the thread */
        error_set(ret, http_transfer_has_left(transfer) ? TROUPE_DEADLINE : TROUPE_UNAVAILABLE,
                  "connecting to \"%s\" took longer than %u ms", label, transfer->connect_ms);
        break;
    default: http_code_explain(label, code, ret); break;
    }
    return ret->status;
}
