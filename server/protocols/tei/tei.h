#pragma once
// The routes of text-embeddings-inference, from the JSON of a body to that of a response: for its own routes
// and for their aliases (POST /, /invocations, /vertex). Each chooses the model (a member "model", which TEI
// does not have, names one of several) and throws HttpError with TEI's texts.

#include <string>

#include "io/json/json.h"
#include "server/core/request_context.h"

namespace roberta::server {

std::string embed_response(RequestContext& context, const Json& body);
std::string embed_all_response(RequestContext& context, const Json& body);
std::string embed_sparse_response(RequestContext& context, const Json& body);
std::string similarity_response(RequestContext& context, const Json& body);
std::string predict_response(RequestContext& context, const Json& body);
std::string rerank_response(RequestContext& context, const Json& body);
std::string tokenize_response(RequestContext& context, const Json& body);
std::string decode_response(RequestContext& context, const Json& body);

/// TEI's POST /: rerank for a body with "query" and "texts", predict for a classifier, otherwise embed.
std::string main_response(RequestContext& context, const Json& body);

/// TEI calls a classifier with one label a re-ranker. One with two labels can rank as well.
bool is_reranker(const ModelInfo& info);
bool can_rank(const ModelInfo& info);

}  // namespace roberta::server
