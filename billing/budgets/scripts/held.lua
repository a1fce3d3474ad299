-- Whose requests hold something: what runs, and what has ended and is not stored.
--
-- KEYS[1]   prefix of all keys
-- ARGV      how many windows; for each its budget and its name; then keys whose requests are counted
-- answers   ids of requests, some of them several times

local prefix, windows = KEYS[1], tonumber(ARGV[1])
local found = {}

for place = 2, 2 * windows + 1, 2 do
  local window = prefix .. ':spent:' .. ARGV[place] .. ':' .. ARGV[place + 1]
  for _, name in ipairs(redis.call('HKEYS', window)) do
    local id = string.match(name, '^[rs]:(.+)$')
    if id then found[#found + 1] = id end
  end
end

for place = 2 * windows + 2, #ARGV do
  for _, id in ipairs(redis.call('HKEYS', prefix .. ':busy:' .. ARGV[place] .. ':running')) do
    found[#found + 1] = id
  end
end
return found
