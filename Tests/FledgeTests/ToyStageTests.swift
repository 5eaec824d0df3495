import Fledge
import FledgeTesting
import Foundation
import Testing

/// Complete runs of the reference on eight rows: every stage, from files to logged numbers.
@Suite struct ToyStageTests {
    struct Golden: CustomTestStringConvertible, Sendable {
        var name: String
        var keys: [String]
        var values: [(loss: Double, norm: Double)]
        var testDescription: String { name }
    }

    private static let adapter = ["adapter_name_or_path=@/adapter"]
    private static let full = ["finetuning_type=full", "learning_rate=0.001"]
    private static let dpo = adapter + ["stage=dpo", "dataset=pairs"]
    private static let kto = adapter + ["stage=kto", "dataset=marks"]

    static let runs: [Golden] = [
        Golden(
            name: "sft full", keys: full + ["dataset=toy"],
            values: [
                (3.2152715, 2.7180388), (3.0573626, 2.7880008), (3.0394747, 2.2860317),
                (3.0395598, 2.4329438),
            ]),
        Golden(
            name: "sft LoRA", keys: adapter + ["dataset=toy"],
            values: [
                (3.1523557, 0.5059173), (3.0961943, 1.2694485), (3.0714595, 0.8291204),
                (3.0029101, 0.6278504),
            ]),
        Golden(
            name: "sft LoRA+", keys: adapter + ["dataset=toy", "loraplus_lr_ratio=4"],
            values: [
                (3.1523557, 0.5059173), (3.0653439, 1.165476), (2.9801078, 0.5471076),
                (2.9191742, 0.5904902),
            ]),
        Golden(
            name: "pt LoRA", keys: adapter + ["stage=pt", "dataset=texts", "cutoff_len=8"],
            values: [
                (2.7953396, 0.5688175), (2.8768051, 0.6596736), (2.8620121, 0.4119789),
                (2.6440678, 0.6867107),
            ]),
        Golden(
            name: "dpo", keys: dpo,
            values: [
                (0.6663198, 0.1668262), (0.7135609, 0.3612022), (0.6895757, 0.2830266),
                (0.6437294, 0.1470105),
            ]),
        Golden(
            name: "dpo with ftx", keys: dpo + ["pref_beta=0.5", "pref_ftx=0.5"],
            values: [
                (2.1509418, 0.8678389), (2.3292563, 2.5806293), (2.2200122, 1.8880624),
                (1.9820278, 0.8093292),
            ]),
        Golden(
            name: "orpo", keys: dpo + ["pref_loss=orpo"],
            values: [
                (3.2158089, 0.531575), (3.0981984, 1.2440435), (3.1096935, 0.8391138),
                (3.0295129, 0.6865012),
            ]),
        Golden(
            name: "simpo", keys: dpo + ["pref_loss=simpo", "pref_beta=2", "simpo_gamma=0.5"],
            values: [
                (0.9786583, 0.9796373), (0.7121703, 1.8271921), (0.735518, 1.2883312),
                (0.7123259, 0.7558233),
            ]),
        Golden(
            name: "kto", keys: kto,
            values: [
                (0.4892972, 0.0910387), (0.4875754, 0.0966887), (0.4620722, 0.1172375),
                (0.479366, 0.058547),
            ]),
        Golden(
            name: "kto with weights", keys: kto + ["kto_rejected_weight=1.5", "pref_ftx=0.5"],
            values: [
                (2.813931, 1.0027847), (3.501195, 1.2209882), (2.0571878, 0.4945236),
                (1.9327822, 0.324086),
            ]),
        Golden(
            name: "dpo full", keys: full + ["stage=dpo", "dataset=pairs"],
            values: [
                (0.6931472, 0.719655), (0.6920736, 0.7853639), (0.6744168, 0.7349633),
                (0.6600774, 0.5725019),
            ]),
        Golden(
            name: "dpo with bco", keys: dpo + ["pref_bco_weight=0.5"],
            values: [
                (0.8972144, 0.1681435), (0.9442739, 0.3600249), (0.9205173, 0.282294),
                (0.8744124, 0.1503517),
            ]),
        Golden(
            name: "dpo with ld_alpha", keys: dpo + ["ld_alpha=0.5"],
            values: [
                (0.6826746, 0.1597149), (0.7794495, 0.3010345), (0.6298894, 0.2260334),
                (0.7884999, 0.1446752),
            ]),
        Golden(
            name: "dpo with smoothing", keys: dpo + ["dpo_label_smoothing=0.2"],
            values: [
                (0.6774374, 0.0972972), (0.7057423, 0.2213978), (0.6912345, 0.1704593),
                (0.6644828, 0.0857412),
            ]),
        Golden(
            name: "sft full, DFT", keys: full + ["dataset=toy", "use_dft_loss=true"],
            values: [
                (0.1315395, 0.1193348), (0.1475779, 0.1394546), (0.1494799, 0.121894),
                (0.1479278, 0.1364979),
            ]),
        Golden(
            name: "sft full, EAFT", keys: full + ["dataset=toy", "use_eaft_loss=true"],
            values: [
                (3.149132, 2.6674287), (2.9882469, 2.7219868), (2.9703112, 2.2317185),
                (2.976882, 2.3844981),
            ]),
        Golden(
            name: "sft full, ASFT", keys: full + ["dataset=toy", "use_asft_loss=true"],
            values: [
                (0.263224, 0.2367434), (0.2945167, 0.267239), (0.2994836, 0.2204889),
                (0.2957564, 0.2396802),
            ]),
        Golden(
            name: "sft full, smoothed",
            keys: full + ["dataset=toy", "label_smoothing_factor=0.1"],
            values: [
                (6.4385033, 4.8312058), (6.1645055, 4.998898), (6.1230412, 4.0935001),
                (6.1315823, 4.3876796),
            ]),
        Golden(
            name: "sft full with decay and cosine",
            keys: full + [
                "dataset=toy", "weight_decay=0.1", "lr_scheduler_type=cosine", "warmup_steps=1",
            ],
            values: [
                (3.2152715, 2.7180388), (3.0773995, 2.8566082), (3.061558, 2.3183947),
                (3.0841537, 2.6807804),
            ]),
        Golden(
            name: "sft freeze",
            keys: [
                "finetuning_type=freeze", "freeze_trainable_layers=1", "learning_rate=0.001",
                "dataset=toy",
            ],
            values: [
                (3.2152715, 1.3920614), (3.0699432, 1.5338076), (3.0907893, 1.3954279),
                (3.1352143, 1.3766776),
            ]),
    ]

    @Test(arguments: runs)
    func lossesAndNormsAreTheReferences(_ golden: Golden) throws {
        let project = try ToyProject()
        let history = try project.history(
            golden.keys.map { $0.replacing("@", with: project.path) })
        #expect(history.count == golden.values.count + 1)
        for (entry, expected) in zip(history, golden.values) {
            let (loss, norm) = (entry["loss"] ?? .nan, entry["grad_norm"] ?? .nan)
            #expect(abs(loss / expected.loss - 1) < 5e-6, "step \(entry.step): \(loss)")
            #expect(abs(norm / expected.norm - 1) < 2e-5, "step \(entry.step): \(norm)")
        }
    }
}
