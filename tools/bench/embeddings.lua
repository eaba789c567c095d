-- wrk script: POST /embeddings with one text of 8 to 128 tokens, as OpenAI's API has it.
local words = {"the","city","of","river","was","built","in","a","large","house","near","old","station","and","people","came","from","every","part","country","to","see","it","during","summer","war","king","music","school","water"}
request = function()
  local n = math.random(6, 110); local t = {}
  for i = 1, n do t[i] = words[math.random(#words)] end
  return wrk.format("POST", nil, {["Content-Type"] = "application/json"}, '{"model": "m", "input": ["' .. table.concat(t, " ") .. '"]}')
end
