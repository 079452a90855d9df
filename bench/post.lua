-- Load for wrk: posts the JSON document in $BODY to our API, each {{key}} replaced by a fresh time-ordered key and each
-- {{customer}} by one of 2 000 numbers, with $AUTH as bearer token. Its last line is that of the yardstick's script.
--   BODY=consume.json AUTH=$KEY wrk -t1 -c64 -d20s -s post.lua http://127.0.0.1:8000/graphql
local file = assert(io.open(os.getenv("BODY")))
local body = file:read("*a")
file:close()
local head = { ["content-type"] = "application/json", ["accept"] = "application/json", ["authorization"] = "Bearer " .. os.getenv("AUTH") }
local expect = '"allowed":true'
sent, failed, wrong = 0, 0, 0
local own

-- a UUIDv7: 48 bits of milliseconds, guessed from a clock of seconds; then a counter; then what is this run's own
local function key()
  local at = string.format("%012x", os.time() * 1000 + sent % 1000)
  return string.format("%s-%s-7%03x-8%03x-%s", at:sub(1, 8), at:sub(9), math.floor(sent / 4096) % 4096, sent % 4096, own)
end

function init()
  local random = assert(io.open("/dev/urandom", "rb"))
  own = random:read(6):gsub(".", function(byte) return string.format("%02x", byte:byte()) end)
  random:close()
  math.randomseed(tonumber(own:sub(1, 7), 16))
end

function request()
  sent = sent + 1
  local text = body:gsub("{{key}}", key):gsub("{{customer}}", function() return math.random(2000) end)
  return wrk.format("POST", nil, head, text)
end

function response(status, headers, answer)
  if status ~= 200 then failed = failed + 1 end
  if not answer:find(expect, 1, true) then wrong = wrong + 1 end
end

local threads = {}
function setup(thread) table.insert(threads, thread) end
function done(summary)
  local f, w = 0, 0
  for _, t in ipairs(threads) do f, w = f + t:get("failed"), w + t:get("wrong") end
  io.write(string.format("answers/s %.1f  not-200 %d  unexpected %d\n", summary.requests / (summary.duration / 1e6), f, w))
end
