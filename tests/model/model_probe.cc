// Not a test: lets scripts ask the library. Reads one JSON object from standard input,
//   {"model": DIR, "dtype": "f32"|"bf16", "device": ..., "threads": n, "max_batch_tokens": n, "asks": [...]}
// and prints a JSON array with one answer an ask. Matrices go to the ask's "out" file as raw float32.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "roberta/model.h"
#include "roberta/pipeline.h"

namespace roberta {
namespace {

using nlohmann::json;
using Sequences = std::vector<Model::Ids>;

json put(const Matrix& m, const json& ask) {
  std::ofstream out(ask.at("out").get<std::string>(), std::ios::binary);
  out.write(reinterpret_cast<const char*>(m.data.data()), static_cast<std::streamsize>(m.data.size() * 4));
  if (!out.flush()) throw std::runtime_error("can't write the answer");
  return {{"rows", m.rows}, {"cols", m.cols}};
}

std::vector<TokenPosition> positions_of(const json& ask) {
  std::vector<TokenPosition> positions;
  for (const json& p : ask.at("positions")) positions.push_back({p[0].get<int32_t>(), p[1].get<int32_t>()});
  return positions;
}

FillMaskOptions fill_options(const json& ask) {
  FillMaskOptions options;
  options.top_k = ask.value("top_k", options.top_k);
  options.beam = ask.value("beam", options.beam);
  options.targets = ask.value("targets", options.targets);
  return options;
}

json fill(Model& model, const json& ask) {
  const auto texts = ask.at("texts").get<std::vector<std::string>>();
  json answers = json::array();
  for (const auto& text : fill_mask(model, texts, fill_options(ask))) {
    json masks = json::array();
    for (const auto& mask : text) {
      json fills = json::array();
      for (const Fill& f : mask) {
        fills.push_back(
            {{"score", f.score}, {"tokens", f.tokens}, {"token_str", f.token_str}, {"sequence", f.sequence}});
      }
      masks.push_back(std::move(fills));
    }
    answers.push_back(std::move(masks));
  }
  return answers;
}

json joint(Model& model, const json& ask) {
  const auto texts = ask.at("texts").get<std::vector<std::string>>();
  json answers = json::array();
  for (const auto& text : fill_mask_joint(model, texts, fill_options(ask))) {
    json fills = json::array();
    for (const JointFill& f : text) {
      fills.push_back(
          {{"score", f.score}, {"tokens", f.tokens}, {"token_strs", f.token_strs}, {"sequence", f.sequence}});
    }
    answers.push_back(std::move(fills));
  }
  return answers;
}

json embed_texts(Model& model, const json& ask) {
  const auto texts = ask.at("texts").get<std::vector<std::string>>();
  const std::string pooling = ask.value("pooling", "mean");
  EmbedOptions options;
  options.pooling = pooling == "cls"    ? Pooling::kCls
                    : pooling == "max"  ? Pooling::kMax
                    : pooling == "none" ? Pooling::kNone
                                        : Pooling::kMean;
  options.normalize = ask.value("normalize", false);
  options.layers = ask.value("layers", options.layers);
  options.truncate = ask.value("truncate", false);
  json answers = json::array();
  for (const Matrix& m : embed(model, texts, options))
    answers.push_back({{"rows", m.rows}, {"cols", m.cols}, {"data", m.data}});
  return answers;
}

json score_texts(Model& model, const json& ask) {
  const auto texts = ask.at("texts").get<std::vector<std::string>>();
  json answers = json::array();
  for (const Score& s : score(model, texts)) {
    json tokens = json::array();
    for (const TokenScore& t : s.tokens)
      tokens.push_back({t.id, t.token, t.offset.begin, t.offset.end, t.log_prob});
    answers.push_back({{"log_prob", s.log_prob}, {"tokens", std::move(tokens)}});
  }
  return answers;
}

json reply(Model& model, const json& ask) {
  const std::string op = ask.at("op");
  if (op == "hidden")
    return put(model.hidden_states(ask.at("ids").get<Sequences>(), ask.at("layers").get<std::vector<int>>()),
               ask);
  if (op == "first") return put(model.first_token_states(ask.at("ids").get<Sequences>()), ask);
  if (op == "logits") return put(model.mlm_logits(ask.at("ids").get<Sequences>(), positions_of(ask)), ask);
  if (op == "log_probs") {
    return model.mlm_log_probs(ask.at("ids").get<Sequences>(), positions_of(ask),
                               ask.at("targets").get<Model::Ids>());
  }
  if (op == "fill") return fill(model, ask);
  if (op == "joint") return joint(model, ask);
  if (op == "embed") return embed_texts(model, ask);
  if (op == "score") return score_texts(model, ask);
  if (op == "report") return model.device() + "\n" + model.load_report();
  throw std::runtime_error("unknown op " + op);
}

}  // namespace
}  // namespace roberta

int main() {
  using nlohmann::json;
  try {
    const json request = json::parse(std::cin);
    roberta::ModelOptions options;
    if (request.value("dtype", "f32") == "bf16") options.precision = roberta::Precision::kBF16;
    options.device = request.value("device", options.device);
    options.threads = request.value("threads", options.threads);
    options.max_batch_tokens = request.value("max_batch_tokens", options.max_batch_tokens);
    roberta::Model model = roberta::Model::load(request.at("model").get<std::string>(), options);
    json answers = json::array();
    for (const json& ask : request.at("asks")) answers.push_back(roberta::reply(model, ask));
    std::cout << answers.dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
