#pragma once
// The handlers of KServe's routes, and what they share.

#include <string>

#include "server/core/http_error.h"
#include "server/core/http_message.h"
#include "server/core/request_context.h"

namespace roberta::server {

/// {"error": message}; 400 for any error of the request, as in Triton.
HttpResponse kserve_error(const RequestContext& context, const ErrorResponse& error);

/// The model of the path, now in use. A "/versions/{version}" must be the version that is served.
const ServedModel& model_of_path(RequestContext& context);

// The model repository extension of Triton; and its statistics.
HttpResponse repository_index(RequestContext& context);
HttpResponse repository_load(RequestContext& context);
HttpResponse repository_unload(RequestContext& context);
HttpResponse model_statistics(RequestContext& context);
HttpResponse all_statistics(RequestContext& context);

// KServe V1.
HttpResponse v1_models(RequestContext& context);
HttpResponse v1_model(RequestContext& context);
HttpResponse v1_predict(RequestContext& context);

}  // namespace roberta::server
