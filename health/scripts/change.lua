-- Put a record in the place of the one it was made from, and tell every worker.
-- KEYS[1] prefix; ARGV: kind, key, the text it was made from, the new text ('' is none)
-- Gives {1, new text, revision}, or {0, what is there instead, revision, epoch}.
local prefix, kind, key, before, after = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local table_key = prefix .. ':' .. kind
local there = redis.call('HGET', table_key, key) or ''
if there ~= before then
  return {0, there, redis.call('GET', prefix .. ':revision') or '0', redis.call('GET', prefix .. ':epoch') or ''}
end
if after == '' then redis.call('HDEL', table_key, key) else redis.call('HSET', table_key, key, after) end
local revision = redis.call('INCR', prefix .. ':revision')
redis.call('PUBLISH', prefix .. ':changes', cjson.encode({revision, kind, key, after}))
return {1, after, revision}
