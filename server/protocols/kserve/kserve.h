#pragma once
// What the files of KServe's routes share.

#include <string>

#include "server/core/exchange.h"
#include "server/core/http_error.h"
#include "server/core/message.h"

namespace roberta::server {

/// {"error": message}; 400 for anything that the request does wrong, as Triton.
HttpResponse kserve_error(const Exchange& exchange, const Refusal& refusal);

/// The model of the path, in use; of "/versions/{version}" that version of it, which must be the one served.
const ServedModel& model_of_path(Exchange& exchange);

HttpResponse json_response(std::string body);

// The model repository extension of Triton; and its statistics.
HttpResponse repository_index(Exchange& exchange);
HttpResponse repository_load(Exchange& exchange);
HttpResponse repository_unload(Exchange& exchange);
HttpResponse model_statistics(Exchange& exchange);
HttpResponse all_statistics(Exchange& exchange);

// KServe V1.
HttpResponse v1_models(Exchange& exchange);
HttpResponse v1_model(Exchange& exchange);
HttpResponse v1_predict(Exchange& exchange);

}  // namespace roberta::server
