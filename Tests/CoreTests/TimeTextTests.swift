import FledgeCore
import Testing

@Suite struct TimeTextTests {
    @Test(
        arguments: [
            (0, "0:00:00"), (59.99, "0:00:59"), (61, "0:01:01"),
            (3600 * 23 + 59 * 60 + 59, "23:59:59"),
            (86_400, "1 day, 0:00:00"), (2 * 86_400 + 3661, "2 days, 1:01:01"),
            (-5, "0:00:00"), (.nan, "0:00:00"), (.infinity, "0:00:00"), (-.infinity, "0:00:00"),
            (1e300, "11574074074 days, 1:46:40"),
        ] as [(Double, String)])
    func clock(_ seconds: Double, _ text: String) { #expect(TimeText.clock(seconds) == text) }

    @Test(
        arguments: [
            (0, "0 s"), (0.5, "1 s"), (119.4, "119 s"), (119.5, "2 min"), (7199, "119 min"),
            (7200, "2 h 0 min"), (90_061, "25 h 1 min"), (-1, "0 s"), (.nan, "0 s"),
            (.infinity, "0 s"),
        ] as [(Double, String)])
    func rough(_ seconds: Double, _ text: String) { #expect(TimeText.rough(seconds) == text) }

    @Test func secondsOfDurations() {
        #expect(Duration.milliseconds(1500).inSeconds == 1.5)
        #expect(Duration.seconds(-2).inSeconds == -2)
    }
}
