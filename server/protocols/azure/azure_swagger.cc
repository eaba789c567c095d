#include "server/protocols/azure/azure_swagger.h"

#include "io/json/json.h"
#include "server/tasks/task.h"

namespace roberta::server {
namespace {

/// The responses of a path: 200 and all others.
Json responses(SwaggerVersion version, const char* description, const char* type, Json schema) {
  const bool two = version == SwaggerVersion::k2;
  const Json error_schema = {
      {"$ref", two ? "#/definitions/ErrorResponse" : "#/components/schemas/ErrorResponse"}};
  Json good = {{"description", description}},
       bad = {{"description", "The service failed to execute due to an error."}};
  if (two) {
    good["schema"] = std::move(schema);
    bad["schema"] = error_schema;
  } else {
    good["content"] = {{type, {{"schema", std::move(schema)}}}};
    bad["content"] = {{"application/json", {{"schema", error_schema}}}};
  }
  return {{"200", std::move(good)}, {"default", std::move(bad)}};
}

Json reference(SwaggerVersion version, const std::string& name) {
  return {{"$ref", (version == SwaggerVersion::k2 ? "#/definitions/" : "#/components/schemas/") + name}};
}

/// A key in the header, as Azure ML does it.
Json bearer() { return {{"Bearer", Json::array()}}; }

Json health_path(SwaggerVersion version) {
  return {{"get",
           {{"operationId", "ServiceHealthCheck"},
            {"description", "Simple health check endpoint to ensure the service is up at any given point."},
            {"security", Json::array()},
            {"responses", responses(version,
                                    "If service is up and running, this response will be returned with the "
                                    "content 'Healthy'",
                                    "text/plain", {{"type", "string"}, {"example", "Healthy"}})}}}};
}

Json score_path(SwaggerVersion version) {
  Json post = {{"operationId", "RunMLService"},
               {"description", "Run web service's model and get the prediction output"},
               {"security", Json::array({bearer()})}};
  const char* payload = "The input payload for executing the real-time machine learning service.";
  const Json input = reference(version, "ServiceInput");
  if (version == SwaggerVersion::k2) {
    Json parameter = {{"name", "serviceInputPayload"},
                      {"in", "body"},
                      {"required", true},
                      {"description", payload},
                      {"schema", input}};
    post["parameters"] = Json::array({std::move(parameter)});
  } else {
    post["requestBody"] = {{"description", payload},
                           {"required", true},
                           {"content", {{"application/json", {{"schema", input}}}}}};
  }
  post["responses"] = responses(
      version, "The service processed the input correctly and provided a result prediction, if applicable.",
      "application/json", reference(version, "ServiceOutput"));
  return {{"post", std::move(post)}};
}

Json swagger_path(SwaggerVersion version) {
  const Json kind = {{"type", "string"}, {"enum", {"2", "2.0", "3", "3.0", "3.1"}}};
  Json parameter = {{"name", "version"}, {"in", "query"}, {"required", false}};
  if (version == SwaggerVersion::k2)
    parameter.update(kind);
  else
    parameter["schema"] = kind;
  Json get = {{"operationId", "GetSwaggerSpec"},
              {"description", "Get the Swagger specification."},
              {"parameters", Json::array({std::move(parameter)})}};
  get["responses"] =
      responses(version, "The Swagger specification.", "application/json", {{"type", "object"}});
  return {{"get", std::move(get)}};
}

Json text_schema() { return {{"type", "string"}, {"minLength", 1}}; }

Json object_of_texts(std::span<const std::string_view> names) {
  Json properties = Json::object(), required = Json::array();
  for (const std::string_view name : names) {
    properties[std::string(name)] = text_schema();
    required.push_back(name);
  }
  return {{"type", "object"}, {"properties", properties}, {"required", required}};
}

/// A list of inputs, in the form that is the same for every version of the specification.
Json input_schema(const TaskHandler& task) {
  Json data, example;
  if (task.input == InputKind::kPair) {
    data = object_of_texts(task.input_names);
    example = Json::array({Json{{"question", "Where does Ann live?"}, {"context", "Ann lives in Rome."}}});
  } else {
    data = text_schema();
    example = task.kind == TaskKind::kFillMask
                  ? Json::array({"Paris is the <mask> of France.", "Today is a <mask> day!"})
                  : Json::array({"A fine film."});
  }
  const Json parameters = {
      {"type", "object"},
      {"description", "Options of the task; with return_full the response has the objects of the pipeline."},
      {"properties",
       {{"return_full", {{"type", "boolean"}, {"default", false}}},
        {"top_k", {{"type", "integer"}, {"minimum", 1}, {"maximum", 1000}}},
        {"targets", {{"type", "array"}, {"items", {{"type", "string"}}}}}}}};
  return {{"type", "object"},
          {"required", Json::array({"input_data"})},
          {"properties",
           {{"input_data", {{"type", "array"}, {"minItems", 1}, {"items", data}}}, {"params", parameters}}},
          {"example", {{"input_data", example}}}};
}

Json label_schema() {
  return {{"type", "object"},
          {"properties", {{"label", {{"type", "string"}}}, {"score", {{"type", "number"}}}}}};
}

/// The items of the response have other forms too (several masks, return_full). Swagger 2 has no "oneOf", so
/// there only the example describes them.
Json output_schema(SwaggerVersion version, TaskKind task) {
  Json item = {{"type", "string"}}, example = Json::array({"capital", "great"});
  if (task == TaskKind::kTextClassification) {
    item = label_schema();
    example = Json::array({Json{{"label", "positive"}, {"score", 0.98}}});
  } else if (task == TaskKind::kTokenClassification) {
    example = Json::array({"B-PER,I-PER,B-LOC"});
  } else if (task == TaskKind::kQuestionAnswering) {
    example = Json::array({"Rome"});
  } else if (task == TaskKind::kFeatureExtraction) {
    item = {{"type", "array"}, {"items", {{"type", "number"}}}};
    example = Json::array({Json::array({0.25, -0.5})});
  }
  if (version == SwaggerVersion::k2)
    return {{"type", "array"}, {"items", Json::object()}, {"example", example}};
  const Json anything = {{"type", "array"}, {"items", Json::object()}};
  Json one_of = Json::array({item, Json{{"type", "object"}}});
  if (task != TaskKind::kFeatureExtraction) one_of.push_back(anything);
  return {{"type", "array"}, {"items", {{"anyOf", one_of}}}, {"example", example}};
}

Json schemas(SwaggerVersion version, const TaskHandler& task) {
  return {{"ServiceInput", input_schema(task)},
          {"ServiceOutput", output_schema(version, task.kind)},
          {"ErrorResponse", {{"type", "object"}, {"properties", {{"message", {{"type", "string"}}}}}}}};
}

}  // namespace

std::string azure_swagger(SwaggerVersion version, const ServedModel* model) {
  const std::string name = model ? model->name : "ML service";
  const TaskHandler& task = model ? main_task_of(model->shared->info()) : fill_mask_task;
  const Json schemes = {{"Bearer",
                         {{"type", "apiKey"},
                          {"name", "Authorization"},
                          {"in", "header"},
                          {"description", "For example: Bearer abc123"}}}};
  Json out;
  if (version == SwaggerVersion::k2)
    out["swagger"] = "2.0";
  else
    out["openapi"] = version == SwaggerVersion::k3 ? "3.0.3" : "3.1.0";
  out["info"] = {{"title", name},
                 {"description", "API specification for the Azure Machine Learning service " + name},
                 {"version", model ? std::to_string(model->version) : "1"}};
  if (version == SwaggerVersion::k2) {
    out["schemes"] = Json::array({"http", "https"});
    out["consumes"] = Json::array({"application/json"});
    out["produces"] = Json::array({"application/json"});
    out["securityDefinitions"] = schemes;
  } else {
    out["security"] = Json::array({bearer()});
  }
  out["paths"] = {
      {"/", health_path(version)}, {"/score", score_path(version)}, {"/swagger.json", swagger_path(version)}};
  if (version == SwaggerVersion::k2)
    out["definitions"] = schemas(version, task);
  else
    out["components"] = {{"schemas", schemas(version, task)}, {"securitySchemes", schemes}};
  return out.dump();
}

}  // namespace roberta::server
