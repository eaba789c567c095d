#include "api/report/plot_page.h"

namespace roberta {
namespace {

constexpr const char* kStyle = R"(
body { margin: 2rem; background: #f4f4f2; color: #222; font: 14px system-ui, sans-serif; }
figure { position: relative; max-width: 1200px; margin: auto; }
svg { width: 100%; height: auto; box-shadow: 0 1px 4px #0003; border-radius: 6px; }
#tip { position: absolute; display: none; pointer-events: none; padding: .5em .8em; border-radius: 6px;
       background: #fffffff0; box-shadow: 0 1px 5px #0005; white-space: nowrap; line-height: 1.5; }
#tip b { font-weight: 600; }
)";

constexpr const char* kScript = R"(
const svg = document.querySelector("svg"), tip = document.getElementById("tip");
const make = (name, attributes) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  return svg.appendChild(node);
};
const cursor = make("line", {stroke: "#999", "stroke-dasharray": "2 3", y1: plot.top,
                             y2: plot.top + plot.height, visibility: "hidden"});
const dots = plot.curves.map(c => make("circle", {r: 4, fill: c.color, visibility: "hidden"}));
const pixelX = x => plot.left + (x - plot.x.low) / (plot.x.high - plot.x.low) * plot.width;
const pixelY = y => plot.top + (1 - (y - plot.y.low) / (plot.y.high - plot.y.low)) * plot.height;
const nearest = (points, x) => {
  let low = 0, high = points.length - 1;
  while (high - low > 1) { const mid = (low + high) >> 1; if (points[mid][0] < x) low = mid; else high = mid; }
  return Math.abs(points[low][0] - x) <= Math.abs(points[high][0] - x) ? points[low] : points[high];
};
const number = x => plot.x.name == "step" || plot.x.name == "tokens"
  ? Math.round(x).toLocaleString("en") : x.toFixed(2);
const values = nats => nats.toFixed(4) + " nats, " + (nats / Math.LN2).toFixed(3) + " bits, perplexity " +
  Math.exp(nats).toPrecision(4);
const hide = () => { for (const n of [cursor, ...dots]) n.setAttribute("visibility", "hidden");
                     tip.style.display = "none"; };
svg.addEventListener("mousemove", event => {
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  if (at.x < plot.left || at.x > plot.left + plot.width) return hide();
  const x = plot.x.low + (at.x - plot.left) / plot.width * (plot.x.high - plot.x.low);
  let text = plot.x.name + " " + number(x);
  plot.curves.forEach((curve, i) => {
    const row = (what, point) => "<br/>" + what + " " + values(point[1]) + " at " + number(point[0]);
    text += "<br/><b style='color:" + curve.color + "'>" + curve.name + "</b>";
    if (curve.training.length) {
      const point = nearest(curve.training, x);
      text += row("training", point);
      dots[i].setAttribute("cx", pixelX(point[0]));
      dots[i].setAttribute("cy", pixelY(point[1]));
      dots[i].setAttribute("visibility", point[1] <= plot.y.high && point[1] >= plot.y.low ? "visible" : "hidden");
    }
    if (curve.validation.length) text += row("held out", nearest(curve.validation, x));
  });
  cursor.setAttribute("x1", at.x);
  cursor.setAttribute("x2", at.x);
  cursor.setAttribute("visibility", "visible");
  tip.innerHTML = text;
  tip.style.display = "block";
  const box = svg.parentNode.getBoundingClientRect(), left = event.clientX - box.left;
  tip.style.left = (left > box.width / 2 ? left - tip.offsetWidth - 16 : left + 16) + "px";
  tip.style.top = (event.clientY - box.top + 16) + "px";
});
svg.addEventListener("mouseleave", hide);
)";

/// JSON inside a script must not end it.
std::string inside_script(const std::string& json) {
  std::string out;
  for (const char c : json) c == '<' ? out += "\\u003c" : out += c;
  return out;
}

}  // namespace

std::string plot_page(const std::string& title, const std::string& svg, const std::string& data) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<title>" + title +
         "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n<figure>\n" + svg +
         "<div id=\"tip\"></div>\n</figure>\n<script>\nconst plot = " + inside_script(data) + ";" + kScript +
         "</script>\n</body>\n</html>\n";
}

}  // namespace roberta
