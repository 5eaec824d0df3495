import Fledge
import FledgeScoreServer

// A request, as whoever brings it makes it; a service answers it with the scores of a reward model.
let request = ScoreService.Request(
    path: "/v1/score/evaluation", body: Array(#"{"messages": ["Hello!"]}"#.utf8))
precondition(request.method == "POST" && request.body.count < ScoreService.largestBody)
print("FledgeScoreServer: \(request.path), \(ScoreServer.self)")
