// One step of gradient descent for y = x·w by the mean square of the differences.
func.func @main(%x: tensor<4x2xf32> {weir.name = "x"}, %y: tensor<4xf32> {weir.name = "y"},
                %w: tensor<2xf32> {weir.variable = "w"})
    -> (tensor<f32> {weir.name = "loss"}, tensor<2xf32> {weir.updates = 2 : i64}) {
  %quarter = weir.constant dense<0.25> : tensor<f32>
  %rate = weir.constant dense<0.05> : tensor<2xf32>
  %0 = weir.dot %x, %w batch = [] x [] contract = [1] x [0] : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<4xf32>
  %1 = weir.sub %0, %y : tensor<4xf32>
  %2 = weir.mul %1, %1 : tensor<4xf32>
  %3 = weir.reduce_sum %2 dims = [0] : (tensor<4xf32>) -> tensor<f32>
  %4 = weir.mul %3, %quarter : tensor<f32>
  %5 = weir.dot %1, %x batch = [] x [] contract = [0] x [0] : (tensor<4xf32>, tensor<4x2xf32>) -> tensor<2xf32>
  %6 = weir.mul %5, %rate : tensor<2xf32>
  %7 = weir.sub %w, %6 : tensor<2xf32>
  return %4, %7 : tensor<f32>, tensor<2xf32>
}
