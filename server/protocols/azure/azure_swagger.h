#pragma once
// /swagger.json: what /score takes and gives, in the form that azureml-inference-server-http writes it.

#include <string>

#include "server/core/registry.h"

namespace roberta::server {

enum class SwaggerVersion : uint8_t { k2, k3, k31 };

/// `model`: whose task is described; nullptr while none is loaded.
std::string azure_swagger(SwaggerVersion version, const ServedModel* model);

}  // namespace roberta::server
