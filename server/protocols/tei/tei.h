#pragma once
// The work of text-embeddings-inference's routes, from the tree of a body to the text of a reply: for its own
// routes and for their aliases (POST /, /invocations, /vertex). Each chooses the model (a member "model",
// which TEI hasn't, names one of several) and throws HttpError in TEI's words.

#include <string>

#include "io/json/json.h"
#include "server/core/exchange.h"

namespace roberta::server {

std::string embed_reply(Exchange& exchange, const Json& body);
std::string embed_all_reply(Exchange& exchange, const Json& body);
std::string embed_sparse_reply(Exchange& exchange, const Json& body);
std::string similarity_reply(Exchange& exchange, const Json& body);
std::string predict_reply(Exchange& exchange, const Json& body);
std::string rerank_reply(Exchange& exchange, const Json& body);
std::string tokenize_reply(Exchange& exchange, const Json& body);
std::string decode_reply(Exchange& exchange, const Json& body);

/// What TEI's POST / is: rerank for a body with "query" and "texts", else predict for a classifier, else
/// embed.
std::string main_reply(Exchange& exchange, const Json& body);

/// TEI calls a classifier with one label a re-ranker. One with two can be asked to rank as well.
bool is_reranker(const ModelInfo& info);
bool can_rank(const ModelInfo& info);

}  // namespace roberta::server
