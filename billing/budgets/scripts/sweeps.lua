-- Whether it is this worker's turn to look for what is held in vain: one of them does, once in so many seconds.
--
-- KEYS[1]   prefix of all keys
-- ARGV      seconds
-- answers   1 where it is

return redis.call('SET', KEYS[1] .. ':swept', 1, 'NX', 'EX', ARGV[1]) and 1 or 0
