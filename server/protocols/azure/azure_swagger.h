#pragma once
// /swagger.json: the requests and responses of /score, in the form of azureml-inference-server-http.

#include <string>

#include "server/core/registry.h"

namespace roberta::server {

enum class SwaggerVersion : uint8_t { k2, k3, k31 };

/// Describes the task of `model`; nullptr while none is loaded.
std::string azure_swagger(SwaggerVersion version, const ServedModel* model);

}  // namespace roberta::server
