public struct BFloat16: Sendable {}
public struct Half: Sendable {}
public struct E4M3: Sendable {}
public struct E5M2: Sendable {}
public struct E8M0: Sendable {}
public struct E2M1: Sendable {}
public struct Int4: Sendable {}
