import FledgeCore

/// The formats with blocks of 256 elements, whose scales are quantised themselves.
extension GGUFDequantizer {
    static func q2_K(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ n: Int) {
        for index in 0..<n {
            let (block, out) = (source + index * 84, target + index * 256)
            let (d, least) = (scale(block, 80), scale(block, 82))
            for group in 0..<16 {
                let packed = byte(block, group)
                let (dl, ml) = (d * Float(packed & 15), least * Float(packed >> 4))
                // 128 elements share 32 bytes; each further 32 of them are two bits higher.
                let first = 16 + (group / 8) * 32 + (group % 2) * 16
                let shift = UInt8((group % 8) / 2 * 2)
                for i in 0..<16 {
                    let q = byte(block, first + i) &>> shift & 3
                    out[group * 16 + i] = dl * Float(q) - ml
                }
            }
        }
    }

    static func q3_K(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ n: Int) {
        for index in 0..<n {
            let (block, out) = (source + index * 110, target + index * 256)
            let d = scale(block, 108)
            for group in 0..<16 {
                let low = byte(block, 96 + group % 8) &>> (group < 8 ? 0 : 4) & 15
                let high = byte(block, 104 + group % 4) &>> UInt8(group / 4 * 2) & 3
                let dl = d * Float(Int32(low | high << 4) - 32)
                let first = 32 + (group / 8) * 32 + (group % 2) * 16
                let shift = UInt8((group % 8) / 2 * 2)
                let mask = UInt8(group / 2)
                for i in 0..<16 {
                    let bits = Int32(byte(block, first + i) &>> shift & 3)
                    // A cleared mask bit takes 4 off.
                    let bit = Int32(byte(block, (group % 2) * 16 + i) &>> mask & 1)
                    out[group * 16 + i] = dl * Float(bits - (1 - bit) * 4)
                }
            }
        }
    }

    static func q4_K(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ n: Int) {
        for index in 0..<n {
            let (block, out) = (source + index * 144, target + index * 256)
            let (d, least) = (scale(block, 0), scale(block, 2))
            for group in 0..<8 {
                let (factor, offset) = sixBits(block + 4, group)
                let (dl, ml) = (d * Float(factor), least * Float(offset))
                let first = 16 + (group / 2) * 32
                let shift: UInt8 = group % 2 == 0 ? 0 : 4
                for i in 0..<32 {
                    out[group * 32 + i] = dl * Float(byte(block, first + i) &>> shift & 15) - ml
                }
            }
        }
    }

    static func q5_K(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ n: Int) {
        for index in 0..<n {
            let (block, out) = (source + index * 176, target + index * 256)
            let (d, least) = (scale(block, 0), scale(block, 2))
            for group in 0..<8 {
                let (factor, offset) = sixBits(block + 4, group)
                let (dl, ml) = (d * Float(factor), least * Float(offset))
                let first = 48 + (group / 2) * 32
                let shift: UInt8 = group % 2 == 0 ? 0 : 4
                for i in 0..<32 {
                    let low = byte(block, first + i) &>> shift & 15
                    let high = byte(block, 16 + i) &>> UInt8(group) & 1
                    out[group * 32 + i] = dl * Float(low | high << 4) - ml
                }
            }
        }
    }

    static func q6_K(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ n: Int) {
        for index in 0..<n {
            let (block, out) = (source + index * 210, target + index * 256)
            let d = scale(block, 208)
            for group in 0..<16 {
                let dl = d * Float(Int8(bitPattern: byte(block, 192 + group)))
                // Eight runs of 32: runs 0…3 use the first 64 low and 32 high bytes, 4…7 the rest.
                let run = group / 2
                let low = (run / 4) * 64 + (run % 2) * 32 + (group % 2) * 16
                let high = 128 + (run / 4) * 32 + (group % 2) * 16
                let lowShift: UInt8 = run % 4 < 2 ? 0 : 4
                let highShift = UInt8(run % 4 * 2)
                for i in 0..<16 {
                    let q =
                        byte(block, low + i) &>> lowShift & 15
                        | (byte(block, high + i) &>> highShift & 3) << 4
                    out[group * 16 + i] = dl * Float(Int32(q) - 32)
                }
            }
        }
    }

    /// The six-bit scale and minimum of a group of 32 that Q4_K and Q5_K pack into twelve bytes.
    @inline(__always)
    private static func sixBits(
        _ packed: UnsafeRawPointer, _ group: Int
    ) -> (scale: UInt8, least: UInt8) {
        guard group >= 4 else { return (byte(packed, group) & 63, byte(packed, group + 4) & 63) }
        let nibbles = byte(packed, group + 4)
        return (
            nibbles & 15 | (byte(packed, group - 4) >> 6) << 4,
            nibbles >> 4 | (byte(packed, group) >> 6) << 4
        )
    }
}
